select id, age, x'aa'::blob as key from {{ source('census') }}
