select 1 as k from {{ source('people') }}
