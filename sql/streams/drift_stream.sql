-- comment: Checks of the models that train_models has not seen
create stream ml.drift_stream on table ml.drift_results;
