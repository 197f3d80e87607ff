select id, age from {{ ref('census') }}
