select id, age,
  #2 + 1 as next -- by position
from {{ source('census') }}
