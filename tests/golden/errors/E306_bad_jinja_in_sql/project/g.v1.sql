select 1 as id,
  {{ ratio(1, 0) }} as x
