-- comment: Clear for DATA_ENGINEER, ***@domain for everybody else
create masking policy governance.email_mask as (email varchar) returns varchar ->
case
    when current_role() = {{ data_engineer }} then email
    when email is null then null
    when email like '%@%' then regexp_replace(email, '^.*@', '***@')
    else '***'
end;
