select id, age, wage as Age from {{ source('census') }}
