-- comment: Clear for DATA_ENGINEER, the last four digits for everybody else
create masking policy governance.phone_mask as (phone varchar) returns varchar ->
case
    when current_role() = {{ data_engineer }} then phone
    when phone is null then null
    else '***' || right(phone, 4)
end;
