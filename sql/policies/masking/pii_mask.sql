-- comment: On the tag PII; texts are clear for DATA_ENGINEER, *** for everybody else
create masking policy governance.pii_mask as (val varchar) returns varchar ->
case
    when current_role() = {{ data_engineer }} then val
    when val is null then null
    else '***'
end;
