{% macro months(x) %}{{ x }}{% endmacro %}
{% macro years(x) %}{{ x }}{% endmacro %}
{% macro ref(x) %}{{ x }}{% endmacro %}
