select id, age from {{ source('income') }}
