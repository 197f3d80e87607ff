select id, seen, age from {{ source('census') }}
