select
	id,
	wage + {{ var('n') }},
	jobb
from {{ source('census') }}
