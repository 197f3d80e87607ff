select 1 as id,
  {{ limit() }} as t
