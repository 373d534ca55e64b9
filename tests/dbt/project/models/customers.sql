select 1 as customer_id {% if env_var('SHOP_FAULT', '') == 'model' %}, no_such_column {% endif %}
