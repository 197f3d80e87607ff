select id, {% if not is_incremental() %} age, {% endif %} job from {{ source('census') }}
