select id, age, job, seen, wage, income from {{ source('census') }}
