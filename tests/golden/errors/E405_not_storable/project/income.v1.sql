select id, sum(age) over () as total, 'a'::enum('a', 'b') as kind,
  array_value(age, age) as pair, sum(id) over () as n, '101'::bit as bits, row(sum(id) over ()) as nested
from {{ source('census') }}
