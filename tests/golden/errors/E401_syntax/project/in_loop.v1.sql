select id
{% for x in ['age', 'wage'] %}
  , {{ x }} as {{ x }}_2,, 1 as {{ x }}_3
{% endfor %}
from {{ source('census') }}
