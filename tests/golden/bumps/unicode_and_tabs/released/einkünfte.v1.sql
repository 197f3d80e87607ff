select
	id,
	age -- größe 😀
from {{ source('people') }}
