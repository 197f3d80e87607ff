select id, age from {{ source('census') }}
{% if is_incremental() %}
where age > (select max(agee) from {{ this }})
{% endif %}
