select id, 'größer 漢字 🦆' as ü, nosuch from {{ source('census') }}
