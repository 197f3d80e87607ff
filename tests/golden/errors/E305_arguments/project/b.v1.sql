select id from {{ source(var('which')) }}
