select 1 as k, count(*) as n from {{ source('people') }}
