"""The kinds of estimator that training chooses from, as pipelines of a use case's inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .use_cases import UseCase

ESTIMATORS = ("trees", "linear")
"""Names of the kinds; the cross-validation chooses, the first where it cannot tell."""

_MOST_CATEGORIES = 100


def pipeline(case: UseCase, estimator: str, seed: int) -> Any:
    """Returns the unfitted pipeline of a use case for one of ESTIMATORS."""
    from sklearn.pipeline import Pipeline

    inputs, last = (_trees if estimator == "trees" else _linear)(case, seed)
    return Pipeline([("inputs", inputs), ("estimator", last)])


def _columns(case: UseCase, encoder: Any, numbers: Any) -> Any:
    from sklearn.compose import ColumnTransformer

    parts = [("categories", encoder, list(case.categorical)), ("numbers", numbers, list(case.numeric))]
    return ColumnTransformer(parts, verbose_feature_names_out=False)


def _trees(case: UseCase, seed: int) -> tuple[Any, Any]:
    """Returns boosted trees over codes of categories; they take missing numbers as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, max_categories=_MOST_CATEGORIES, dtype=np.float64
    )
    settings: dict[str, Any] = {
        "max_iter": 60,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 20,
        "learning_rate": 0.1,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "random_state": seed,
    }
    if case.kind == "regression":
        return _columns(case, encoder, "passthrough"), HistGradientBoostingRegressor(loss="absolute_error", **settings)
    return _columns(case, encoder, "passthrough"), HistGradientBoostingClassifier(**settings)


def _linear(case: UseCase, seed: int) -> tuple[Any, Any]:
    """Returns a linear model over standardized numbers, missing ones marked, and one column a category."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES, sparse_output=False)
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    numbers = Pipeline([("missing", imputer), ("scale", StandardScaler())])
    last = Ridge(alpha=1.0) if case.kind == "regression" else LogisticRegression(max_iter=300, random_state=seed)
    return _columns(case, encoder, numbers), last
