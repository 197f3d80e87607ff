select 1 as id,
  {{ var('treshold') }} as t
