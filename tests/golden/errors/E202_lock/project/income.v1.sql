select id, age, income from {{ source('census') }}
