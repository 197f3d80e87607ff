select id, age from {{ ref('income') }} -- ref("income")
