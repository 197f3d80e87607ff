with a as (
    select id, age from {{ source('census') }}
)
select id, ag from a
