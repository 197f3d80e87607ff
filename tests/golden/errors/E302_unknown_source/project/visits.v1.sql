{% set n = 1 %}
select id, {{ n }} as n
  from {{ source('payments') }}
