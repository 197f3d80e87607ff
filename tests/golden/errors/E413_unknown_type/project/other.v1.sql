select id, 1 as x from {{ source('other') }}
