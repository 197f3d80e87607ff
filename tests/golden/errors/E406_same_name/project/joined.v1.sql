select *
from {{ source('census') }} as a
join {{ source('census') }} as b on a.id = b.id
