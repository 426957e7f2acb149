-- comment: On the tag PII; a date is clear for DATA_ENGINEER, NULL for everybody else
create masking policy governance.pii_date_mask as (val date) returns date ->
case when current_role() = {{ data_engineer }} then val end;
