select order_id, amount, current_date as ordered_on from {{ ref('raw_orders') }}
{% if env_var('SHOP_FAULT', '') in ('test', 'warning') %}
union all select 1, 10, current_date
{% endif %}
