select id, wage, day from {{ source('census') }}
