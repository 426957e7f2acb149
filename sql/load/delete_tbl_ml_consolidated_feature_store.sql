delete from {{ database }}.ml_features.tbl_ml_consolidated_feature_store
where feature_date = (select max(ordered_at)::date from {{ database }}.raw.raw_orders);
