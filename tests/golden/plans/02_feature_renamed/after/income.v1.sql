select id, age, pay as wage, city, seen, rich
from {{ source('people') }}
