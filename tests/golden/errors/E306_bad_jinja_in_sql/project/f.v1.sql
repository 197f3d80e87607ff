select 1 as id,
  {{ ratio(1) }} as x
