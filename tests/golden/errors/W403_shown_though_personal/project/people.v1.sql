select id, split_part(email, '@', 2) as provider, length(email) as length from {{ source('people') }}
