-- The join to customers must neither lose an order nor count one twice.
select staged.n as staged, daily.n as daily
from (select count(*) as n from {{ ref('stg_orders') }}) as staged,
     (select sum(order_count) as n from {{ ref('daily_revenue') }}) as daily
where staged.n is distinct from daily.n
