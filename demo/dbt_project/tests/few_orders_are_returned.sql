-- If more orders than usual are returned, the returns are probably counted twice.
select * from {{ ref('returned_orders') }} where returned_share > {{ var('usual_share', 0.5) }}
