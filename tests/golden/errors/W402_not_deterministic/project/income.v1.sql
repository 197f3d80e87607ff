-- drawn anew each time
select id, age, {# a #} random() as dice,
  date_diff('year', seen, current_date) as years
from {{ source('census') }} tablesample reservoir(10)
limit 3
