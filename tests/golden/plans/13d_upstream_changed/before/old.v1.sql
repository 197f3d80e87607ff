select id, age * 2 as twice from {{ ref('income', version=1) }}
