select pay, id, age, city, seen, rich
from {{ source('people') }}
