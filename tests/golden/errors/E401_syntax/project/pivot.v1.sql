pivot {{ source('census') }} on job using sum(age)
