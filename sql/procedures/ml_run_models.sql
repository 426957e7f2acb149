-- comment: Trains, scores, compares and watches the models; the code is logistics/ml/core
create or replace procedure ml.run_models(action varchar, options variant)
returns variant
language python
runtime_version = '3.11'
packages = ('snowflake-snowpark-python', 'numpy', 'pandas', 'scipy', 'scikit-learn', 'skops', 'threadpoolctl')
handler = 'main'
execute as caller
as
$$
{{ code }}


def main(session, action, options):
    from logistics_models.procedure import run

    return run(session, action, options, CODE_VERSION)
$$;
