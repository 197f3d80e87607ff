select id, wage, age from {{ source('census') }}
