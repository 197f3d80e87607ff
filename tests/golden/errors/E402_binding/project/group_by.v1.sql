select id, job, count(*) as n
from {{ source('census') }}
group by id
