select id, age from {{ source('census') }}
