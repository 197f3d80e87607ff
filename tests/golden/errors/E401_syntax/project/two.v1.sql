select id from {{ source('census') }};
select 2 as id
