select id, age from {{ ref('incom') }}
