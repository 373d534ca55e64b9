{# dbt --quiet run-operation print_order_count: prints the number of orders in daily_revenue, and nothing else. #}
{% macro print_order_count() %}
    {% set query %} select cast(sum(order_count) as integer) from {{ ref('daily_revenue') }} {% endset %}
    {{ print(run_query(query).columns[0].values()[0]) }}
{% endmacro %}
