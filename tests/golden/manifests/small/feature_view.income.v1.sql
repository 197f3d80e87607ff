select "id", "seen", "age", "wage", "job", "spend_units", "spend_amount", "order", "income"
from (
select
  b."id" as "id",
  b."age" as "age",
  b."wage" as "wage",
  b."job" as "job",
  b."seen" as "seen",
  b."income" as "income",
  b."order" as "order",
  j1."units" as "spend_units",
  j1."amount" as "spend_amount"
from "income@1" as b
left join "spending@1" as j1 on b."id" = j1."customer"
) as v
where (
age < 90 and wage is not null
)
