select i.id, i.age
from {{ ref('income') }} as i join {{ ref('income', version=3) }} as j on i.id = j.id
