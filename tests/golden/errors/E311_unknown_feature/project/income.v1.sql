select id, age, job, income from {{ source('census') }}
