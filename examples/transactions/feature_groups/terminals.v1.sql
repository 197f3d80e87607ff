select terminal_id, x, y, category
from {{ source('terminals') }}
