select nosuch from {{ ref('a') }}
