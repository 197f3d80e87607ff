select id, age, job, seen from {{ source('census') }}
