select id, {% if is_incremental() %} age::DOUBLE as {% endif %} age from {{ source('census') }}
