select id, age, city, seen, rich
from {{ source('people') }}
