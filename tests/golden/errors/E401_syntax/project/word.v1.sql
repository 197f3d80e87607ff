select id, order from {{ source('census') }}
