select id, {% if is_incremental() %} age, {% endif %} job from {{ source('census') }}
