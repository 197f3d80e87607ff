select id, seen, wage from {{ source('census') }}
