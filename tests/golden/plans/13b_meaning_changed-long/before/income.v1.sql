select id, age, case when pay < 0 then null when pay > 1000000 then 1000000 else round(pay * 1.07, 2) + coalesce(age, 0) end as pay, city, seen, rich
from {{ source('people') }}
