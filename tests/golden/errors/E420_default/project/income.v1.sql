select id, seen, job, age, wage from {{ source('census') }}
