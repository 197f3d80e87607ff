select id, wage as pay from {{ source('census') }}
