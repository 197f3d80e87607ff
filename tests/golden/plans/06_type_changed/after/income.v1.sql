select id, age::INTEGER as age, pay, city, seen, rich
from {{ source('people') }}
