select
    t.transaction_id,
    t.paid_at,
    greatest(t.paid_at, coalesce(c.reported_at, t.paid_at)) as changed_at,
    t.customer_id,
    t.terminal_id,
    t.amount,
    hour(t.paid_at) as hour,
    t.device_x,
    t.device_y,
    at_terminal.x as terminal_x,
    at_terminal.y as terminal_y,
    (c.transaction_id is not null)::bigint as is_fraud
from {{ source('transactions') }} as t
left join {{ ref('terminals') }} as at_terminal using (terminal_id)
left join {{ source('chargebacks') }} as c using (transaction_id)
