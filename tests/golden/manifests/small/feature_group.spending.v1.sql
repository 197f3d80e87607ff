select "customer", "units"::BIGINT as "units", "amount" from (
select p.customer, sum(p.units) as units, sum(p.amount) as amount
from "source:payments" as p
join "income@1" as i on i.id = p.customer
group by p.customer
) as q
