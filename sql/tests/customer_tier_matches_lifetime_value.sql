-- comment: A customer's tier follows from its lifetime value
-- severity: critical
-- owner: analytics
-- what_to_do: "Refresh the dimension: logistics refresh marts.tbl_dim_customer"
select
    customer_id,
    customer_tier,
    total_lifetime_value
from marts.tbl_dim_customer
where
    customer_tier is distinct from case
        when total_lifetime_value > 100000 then 'PREMIUM'
        when total_lifetime_value > 50000 then 'GOLD'
        when total_lifetime_value > 10000 then 'SILVER'
        else 'BRONZE'
    end;
