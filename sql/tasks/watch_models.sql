-- comment: Scores new rows, looks at the comparisons that run, and reads drift
create task ml.watch_models
    warehouse = compute_wh_xs
    schedule = {{ models_schedule }}
as
call {{ database }}.ml.run_models('watch', parse_json({{ models_options }}));
