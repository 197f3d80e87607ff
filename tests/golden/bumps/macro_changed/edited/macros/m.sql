{% macro older(x) %}{{ x }} + 2{% endmacro %}
