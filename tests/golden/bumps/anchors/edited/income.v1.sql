select id, age * 2 as age from {{ source('people') }}
