select id, age from {{ ref('income@1') }}
