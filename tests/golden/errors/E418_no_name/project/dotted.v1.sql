select id, age as "education.num", job as "2nd", wage as "größe" from {{ source('census') }}
