select id, age
from {{ source('census') }} where {{ var('n') }} > age and and true
