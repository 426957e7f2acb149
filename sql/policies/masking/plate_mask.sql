-- comment: Clear for DATA_ENGINEER, the last two characters for everybody else
create masking policy governance.plate_mask as (plate varchar) returns varchar ->
case
    when current_role() = {{ data_engineer }} then plate
    when plate is null then null
    else '***' || right(plate, 2)
end;
