-- comment: Clear for DATA_ENGINEER and DATA_ANALYST, *** for everybody else
create masking policy governance.name_mask as (name varchar) returns varchar ->
case
    when current_role() in ({{ data_engineer }}, {{ data_analyst }}) then name
    when name is null then null
    else '***'
end;
