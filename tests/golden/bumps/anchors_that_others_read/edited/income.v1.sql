select id, age::double as age from {{ source('people') }}
