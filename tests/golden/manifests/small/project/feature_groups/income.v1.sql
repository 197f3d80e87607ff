-- One row per person.
select
    id, age, {{ clean('wage') }} as wage, job, seen, income,
    'größer' as "order"
from {{ source('people') }}
where age > {{ var('adult') }};
