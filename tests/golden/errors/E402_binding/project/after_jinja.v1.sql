-- two errors: the engine tells one at a time
select id, {{ var('n') }} as n, {{ var('n') }} * wag as w, nosuch
from {{ source('census') }}
