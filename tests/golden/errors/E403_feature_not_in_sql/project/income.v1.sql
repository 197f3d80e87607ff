select id, age, wage from {{ source('census') }}
