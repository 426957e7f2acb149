-- comment: All rows for DATA_ENGINEER, the customers listed for the user for DATA_ANALYST, none for others
create row access policy governance.customer_data_policy as (customer_id varchar) returns boolean ->
case
    when current_role() = {{ data_engineer }} then true
    when current_role() = {{ data_analyst }} then customer_id in (
        select listed.customer_id
        from {{ database }}.governance.user_customer_access as listed
        where listed.user_id = current_user()
    )
    else false
end;
