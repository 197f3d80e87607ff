select id, wage from {{ source('census') }}
