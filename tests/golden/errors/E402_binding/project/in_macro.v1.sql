select
  id, {{ twice('agee') }} as age2
from {{ source('census') }}
