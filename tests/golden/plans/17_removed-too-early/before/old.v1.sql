select id, age, pay, city, seen, rich
from {{ source('people') }}
