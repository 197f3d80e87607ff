select id, upper(job) + age as x
from {{ source('census') }}
