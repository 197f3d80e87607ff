select id from {{ source('census') }} where id > (select max(id) from {{ this }})
