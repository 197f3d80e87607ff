-- One row per person.
select
    id, age, case when wage >= 0 then wage end as wage, job, seen, income,
    'größer' as "order"
from "source:people"
where age > 17
