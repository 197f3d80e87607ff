{% set n = 'b' %}
select id from {{ ref(n) }}
