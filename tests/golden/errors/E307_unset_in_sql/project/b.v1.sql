select 1 as id, {{ env_var('REGION') }} as r
