-- One row a region.
select
    customers.region,
    count(*) as order_count,
    count(*) filter (where orders.status = 'returned') / count(*) as returned_share
from {{ ref('orders') }} as orders
join {{ ref('stg_customers') }} as customers using (customer_id)
group by all
