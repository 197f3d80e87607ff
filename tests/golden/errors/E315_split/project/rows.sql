select id, age, wage, seen, income from {{ source('census') }}
