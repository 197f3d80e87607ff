select id, age, pay, rich from {{ source('people') }}
