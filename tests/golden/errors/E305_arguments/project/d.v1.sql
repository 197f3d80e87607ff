select id from {{ ref() }}
