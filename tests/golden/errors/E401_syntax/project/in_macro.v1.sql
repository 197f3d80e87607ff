select
  id, {{ twice('age') }} as age2
from {{ source('census') }}
