-- comment: On the tag PII; a timestamp is clear for DATA_ENGINEER, NULL for everybody else
create masking policy governance.pii_timestamp_mask as (val timestamp_ntz(9)) returns timestamp_ntz(9) ->
case when current_role() = {{ data_engineer }} then val end;
