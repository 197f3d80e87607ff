{% set more = 1 %}
select id, age + {{ more }} as age, pay, rich from {{ source('people') }}
