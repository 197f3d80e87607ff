select id, {{ thing }} as x from {{ source('census') }}
