{#- a comment -#}
select id {{- ' frm ' -}} {{ source('census') }}
