select customer, "at" from {{ source('payments') }}
