-- Its test fails.
select cast(null as integer) as order_id
