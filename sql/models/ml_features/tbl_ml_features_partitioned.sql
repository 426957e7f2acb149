select
    feature_date,
    customer_id,
    'shipments_30d' as feature_name,
    shipments_30d::float as feature_value
from ml_features.tbl_ml_consolidated_feature_store
union all
select
    feature_date,
    customer_id,
    'revenue_30d' as feature_name,
    revenue_30d::float as feature_value
from ml_features.tbl_ml_consolidated_feature_store
union all
select
    feature_date,
    customer_id,
    'avg_delivery_time_hours_30d' as feature_name,
    avg_delivery_time_hours_30d::float as feature_value
from ml_features.tbl_ml_consolidated_feature_store
where avg_delivery_time_hours_30d is not null;
