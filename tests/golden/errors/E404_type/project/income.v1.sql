select id, age, wage, job, sum(age) over () as total, sum(id) over () as precise, sum(age) over () as rounded
from {{ source('census') }}
