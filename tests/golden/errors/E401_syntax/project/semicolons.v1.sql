-- nothing wrong here
select id from {{ source('census') }};
