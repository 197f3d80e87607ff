select id, age::SMALLINT as age, pay, city, seen, rich
from {{ source('people') }}
