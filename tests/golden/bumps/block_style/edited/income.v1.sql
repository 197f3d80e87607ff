select id, pay::float as pay, rich from {{ source('people') }}
