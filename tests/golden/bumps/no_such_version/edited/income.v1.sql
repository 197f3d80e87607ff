select id, age + 1 as age, pay, rich from {{ source('people') }}
