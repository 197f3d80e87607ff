select id, {{ older('age') }} as age, pay from {{ source('people') }}
