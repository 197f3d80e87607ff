select id, {{ older('age') }} as age, pay + 1 as pay from {{ source('people') }}
