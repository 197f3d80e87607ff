-- a macro
{% macro limit() %}{{ var('limit') }}{% endmacro %}
