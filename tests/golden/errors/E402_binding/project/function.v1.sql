select id, uper(job) as job from {{ source('census') }}
