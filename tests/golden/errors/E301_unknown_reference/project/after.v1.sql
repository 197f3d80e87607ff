-- reads what failed: silent
select nosuch from {{ ref('late') }}
