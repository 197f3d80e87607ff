select id, wage, seen, put from {{ source('census') }}
