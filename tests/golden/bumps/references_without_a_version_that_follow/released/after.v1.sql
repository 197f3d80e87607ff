select id, age from {{ ref('income', version=1) }} join {{ ref("income", 1) }} as b using (id, age) -- ref("income")
