delete from {{ database }}.ml_features.tbl_ml_features_partitioned;
