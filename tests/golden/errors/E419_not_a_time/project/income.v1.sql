select id, seen, job, age from {{ source('census') }}
