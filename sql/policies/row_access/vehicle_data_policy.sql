-- comment: All rows for DATA_ENGINEER, the vehicles listed for the user for DATA_ANALYST, none for others
create row access policy governance.vehicle_data_policy as (vehicle_id varchar) returns boolean ->
case
    when current_role() = {{ data_engineer }} then true
    when current_role() = {{ data_analyst }} then vehicle_id in (
        select listed.vehicle_id
        from {{ database }}.governance.user_vehicle_access as listed
        where listed.user_id = current_user()
    )
    else false
end;
