-- comment: On the tag PII; a number is clear for DATA_ENGINEER, NULL for everybody else
create masking policy governance.pii_number_mask as (val number(38,10)) returns number(38,10) ->
case when current_role() = {{ data_engineer }} then val end;
