select id, agee from {{ source('census') }}
