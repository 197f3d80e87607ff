select id from {{ ref('fine') }}
