{% macro clean(column) -%}
    case when {{ column }} >= 0 then {{ column }} end
{%- endmacro %}
