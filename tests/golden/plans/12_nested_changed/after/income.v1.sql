select id, age, pay, {'a': age, 'b': pay::VARCHAR} as city, seen, rich
from {{ source('people') }}
