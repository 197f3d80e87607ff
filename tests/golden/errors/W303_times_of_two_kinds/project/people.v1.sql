select id, age, put from {{ source('census') }}
