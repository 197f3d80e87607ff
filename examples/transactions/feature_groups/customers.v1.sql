select customer_id, valid_from, recorded_at, name, home_x, home_y, credit_limit
from {{ source('customers') }}
