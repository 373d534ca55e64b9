-- Returned orders bring no revenue.
select order_id, customer_id, ordered_at as order_date, amount
from {{ ref('orders') }}
where status = 'completed'
