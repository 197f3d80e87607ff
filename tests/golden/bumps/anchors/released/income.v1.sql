select id, age from {{ source('people') }}
