select id, seen, false as gone from {{ source('census') }}
