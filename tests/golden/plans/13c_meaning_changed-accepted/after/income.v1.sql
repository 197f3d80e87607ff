select id, age + 1 as age, pay, city, seen, rich
from {{ source('people') }}
