select id, seen from {{ source('census') }}
