select job as name, wage as pay from {{ source('census') }}
