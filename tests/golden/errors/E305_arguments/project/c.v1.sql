select id from {{ ref('a', version='1') }}
