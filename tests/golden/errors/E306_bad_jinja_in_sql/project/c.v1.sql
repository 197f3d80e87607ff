select id
{% for x in [1, 2] %}
, {{ x }} as x
from {{ source('census') }}
