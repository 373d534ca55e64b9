select ordered_on, sum(amount) as revenue from {{ ref('recent_orders') }} group by all
