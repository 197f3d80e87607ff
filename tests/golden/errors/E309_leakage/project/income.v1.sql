select id, age, income, income * 2 as doubled from {{ source('census') }}
