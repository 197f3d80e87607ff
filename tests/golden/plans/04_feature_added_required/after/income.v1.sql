select id, age, pay, city, seen, rich, age / 10 as decade
from {{ source('people') }}
