select id, false as gone from {{ source('census') }}
