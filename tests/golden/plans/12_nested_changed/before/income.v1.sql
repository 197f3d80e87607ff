select id, age, pay, {'a': age, 'b': [pay]} as city, seen, rich
from {{ source('people') }}
