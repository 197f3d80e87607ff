select id, job, wage from {{ source('census') }}
