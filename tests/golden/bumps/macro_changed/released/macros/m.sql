{% macro older(x) %}{{ x }} + 1{% endmacro %}
