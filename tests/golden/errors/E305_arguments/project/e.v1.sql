select id
from {{ source('census', 'x') }}
