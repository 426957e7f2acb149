-- comment: Puts each changed customer into its behaviour segment
create task marts.update_customer_segments
warehouse = compute_wh_xs
when system$stream_has_data('{{ database }}.MARTS.CUSTOMER_STREAM')
as
merge into {{ database }}.ml_features.tbl_ml_customer_behavior_segments as target
using (
    select
        customer_id,
        case
            when order_frequency_30d > 10 then 'HIGH_FREQUENCY'
            when order_frequency_30d > 5 then 'MEDIUM_FREQUENCY'
            else 'LOW_FREQUENCY'
        end as behavior_segment
    from {{ database }}.marts.customer_stream
    where metadata$action = 'INSERT'
) as source
on target.customer_id = source.customer_id
when matched then update set
    behavior_segment = source.behavior_segment,
    updated_at = current_timestamp()::timestamp_ntz
when not matched then insert (customer_id, behavior_segment, created_at, updated_at)
values (source.customer_id, source.behavior_segment, current_timestamp()::timestamp_ntz, current_timestamp()::timestamp_ntz);
