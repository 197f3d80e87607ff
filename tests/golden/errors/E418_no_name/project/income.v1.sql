select id, age + 1,
  count(*)
from {{ source('census') }}
group by all
