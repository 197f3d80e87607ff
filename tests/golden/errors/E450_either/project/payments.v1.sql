select * from {{ source('payments') }}
