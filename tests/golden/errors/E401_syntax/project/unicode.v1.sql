select id, 'größer 漢字 🦆' as ü, from from {{ source('census') }}
