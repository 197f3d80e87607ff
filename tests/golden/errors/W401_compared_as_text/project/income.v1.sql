select id, age from {{ source('census') }} positional join (select 1 as one) as o asof
