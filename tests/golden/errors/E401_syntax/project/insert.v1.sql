create table x as
select id from {{ source('census') }}
