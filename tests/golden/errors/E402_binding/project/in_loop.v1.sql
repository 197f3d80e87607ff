select id
{%- for x in ['age', 'wag', 'job'] %}
  , {{ x }} as {{ x }}_2
{%- endfor %}
from {{ source('census') }}
