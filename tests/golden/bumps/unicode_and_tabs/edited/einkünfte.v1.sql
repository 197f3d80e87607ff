select
	id,
	age + 1 as age -- größe 😀
from {{ source('people') }}
