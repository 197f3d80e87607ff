select id, age::double as age, pay, rich from {{ source('people') }}
