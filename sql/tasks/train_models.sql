-- comment: Trains anew the models that a check found drifted, too old or missing, and promotes what passes the gates
create task ml.train_models
    warehouse = compute_wh_xs
    when system$stream_has_data('{{ database }}.ML.DRIFT_STREAM')
as
call {{ database }}.ml.run_models('retrain', parse_json({{ models_options }}));
