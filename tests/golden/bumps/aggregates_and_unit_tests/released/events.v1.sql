select id, timestamp '2026-01-01 00:00:00' as at, age from {{ source('people') }}
