select id, seen, job from {{ source('census') }}
