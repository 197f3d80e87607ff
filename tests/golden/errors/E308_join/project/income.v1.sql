select id, age, job from {{ source('census') }}
