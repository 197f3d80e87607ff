select customer, "at", kind from {{ source('payments') }}
