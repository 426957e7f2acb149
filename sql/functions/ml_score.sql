-- comment: What a stored model says of inputs; ml.predict finds the model
create or replace function ml.score(use_case varchar, artifact varchar, artifact_sha256 varchar, inputs object)
returns object
language python
runtime_version = '3.11'
packages = ('numpy', 'pandas', 'scikit-learn', 'skops')
handler = 'score'
as
$$
{{ code }}


import pandas
from _snowflake import vectorized


@vectorized(input=pandas.DataFrame)
def score(batch):
    from logistics_models.scoring import score_batch

    return score_batch(batch)
$$;
