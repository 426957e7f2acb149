-- comment: Rows of customers that failed a check of the data's quality, as the reader may see the customers; keys and unmasked values
-- readers: [data_analyst, data_scientist]
create secure view analytics.vw_quality_failing_rows as
select
    run_id,
    check_name,
    table_name,
    customer_id,
    row_key,
    offending,
    checked_at
from {{ database }}.monitoring.quality_failing_rows
where is_shown;
