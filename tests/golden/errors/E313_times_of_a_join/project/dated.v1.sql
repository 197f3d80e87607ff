select id, age, seen from {{ source('census') }}
