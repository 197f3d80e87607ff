select id, age
from {{ source('cencus') }}
