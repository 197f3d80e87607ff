select 1 as id, '{{ env_var('TOKEN') | upper }}' as t
