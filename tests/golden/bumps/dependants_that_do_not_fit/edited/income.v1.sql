select id, pay, rich from {{ source('people') }}
