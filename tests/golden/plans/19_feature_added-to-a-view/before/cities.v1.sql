select city, max(pay) as top, min(age) as youngest
from {{ source('people') }}
group by city
