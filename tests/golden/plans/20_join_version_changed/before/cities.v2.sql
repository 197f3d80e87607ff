select city, median(pay) as top, min(age) as youngest
from {{ source('people') }}
group by city
