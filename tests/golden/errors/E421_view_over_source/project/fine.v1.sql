select id from {{ source('census') }}
