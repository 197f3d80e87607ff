select age, avg(income) as mean from {{ source('census') }} group by age
