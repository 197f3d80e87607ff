-- its parent failed: nothing is said of this one
select nosuch from {{ ref('column') }}
