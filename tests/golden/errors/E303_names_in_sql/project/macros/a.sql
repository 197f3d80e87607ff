{% macro years(x) %}{{ x }}{% endmacro %}
