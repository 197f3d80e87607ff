select * from {{ source('orders') }}
