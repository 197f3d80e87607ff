select c.transaction_id, c.reported_at, t.terminal_id
from {{ source('chargebacks') }} as c
join {{ ref('transactions') }} as t using (transaction_id)
