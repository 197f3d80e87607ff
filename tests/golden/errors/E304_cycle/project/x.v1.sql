select y.id from {{ ref('y') }} as y
