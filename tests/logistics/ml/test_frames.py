"""Nothing that was known later than the moment of prediction is ever learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.ml.core.errors import LeakageError, ModelError, TooFewRows
from logistics.ml.core.frames import frame_sha256, normalized, time_folds, time_split, training_frame

NOON = pd.Timestamp("2026-02-01")


def test_a_frame_as_of_a_moment_holds_nothing_later(case, frame):
    found = training_frame(frame(FUTURE=1.0), case(), NOON)
    assert "future" not in found.columns
    assert found["as_of"].max() <= NOON
    assert found["label_known_at"].max() <= NOON
    assert len(found) == 291


def test_later_rows_change_nothing_of_what_was_known(case, frame):
    rows = frame()
    before = training_frame(rows[rows["LABEL_KNOWN_AT"] <= NOON], case(), NOON)
    rows.loc[rows["LABEL_KNOWN_AT"] > NOON, ["OUTCOME", "SIGNAL", "COLOUR"]] = [True, 99.0, "never"]
    assert frame_sha256(training_frame(rows, case(), NOON)) == frame_sha256(before)


@pytest.mark.parametrize(
    ("kind", "leak"),
    [
        pytest.param("binary", lambda f: f["OUTCOME"] * 3.0 + 1, id="the outcome scaled"),
        pytest.param("binary", lambda f: -(f["OUTCOME"] * 3.0), id="the outcome turned round"),
        pytest.param(
            "binary", lambda f: f["OUTCOME"] + np.arange(len(f)) * 1e-6, id="the outcome with a trace of noise"
        ),
        pytest.param("regression", lambda f: f["OUTCOME"] * 60, id="hours as minutes"),
        pytest.param("regression", lambda f: np.exp(f["OUTCOME"] / 5), id="a curve of the outcome"),
    ],
)
def test_a_planted_leak_is_refused_by_name(case, frame, kind, leak):
    rows = frame(kind=kind)
    with pytest.raises(LeakageError, match="noise alone tells the outcome"):
        training_frame(rows.assign(NOISE=leak(rows)), case(kind))


def test_a_category_that_is_the_outcome_is_refused(case, frame):
    rows = frame(kind="multiclass")
    with pytest.raises(LeakageError, match="colour alone tells"):
        training_frame(
            rows.assign(COLOUR=rows["OUTCOME"].map({"HIGH": "red", "MEDIUM": "green", "LOW": "blue"})),
            case("multiclass"),
        )


@pytest.mark.parametrize("kind", ["binary", "regression", "multiclass"])
def test_a_strong_honest_input_is_no_leak(case, frame, kind):
    training_frame(frame(kind=kind, strength=5.0), case(kind))


def test_identifiers_tell_nothing_by_their_number(case, frame):
    rows = frame()
    training_frame(rows.assign(COLOUR=rows["ROW_ID"]), case())


@pytest.mark.parametrize("target", ["outcome", "label_known_at"])
def test_what_is_known_with_the_outcome_cannot_be_an_input(case, frame, target):
    with pytest.raises(LeakageError, match=target):
        training_frame(frame(), case(numeric=("signal", target)))


def test_an_outcome_before_its_prediction_is_refused(case, frame):
    rows = frame()
    rows.loc[5, "LABEL_KNOWN_AT"] = rows.loc[5, "AS_OF"] - pd.Timedelta(hours=1)
    with pytest.raises(LeakageError, match="R000005 was known before"):
        training_frame(rows, case())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        pytest.param(lambda f: f.head(40), TooFewRows, "40 rows", id="few rows"),
        pytest.param(lambda f: f.assign(OUTCOME=True), TooFewRows, "1 outcomes", id="one outcome"),
        pytest.param(lambda f: f.assign(OUTCOME=None), TooFewRows, "0 rows", id="no outcome"),
        pytest.param(lambda f: f.head(0), TooFewRows, "0 rows", id="empty"),
        pytest.param(lambda f: f.drop(columns="NOISE"), ModelError, "no column noise", id="a column is missing"),
        pytest.param(lambda f: pd.concat([f, f.tail(1)]), ModelError, "R000599 more than once", id="a row twice"),
    ],
)
def test_frames_that_cannot_be_learned_from(case, frame, change, error, words):
    with pytest.raises(error, match=words):
        training_frame(change(frame()), case())


@pytest.mark.parametrize("value", [None, np.nan, np.inf, "12.5", 7])
def test_numbers_of_any_kind_become_floats(case, frame, value):
    rows = frame(100)
    rows["NOISE"] = rows["NOISE"].astype(object)
    rows.loc[3, "NOISE"] = value
    found = normalized(rows, case())["noise"]
    assert found.dtype == float
    assert np.isfinite(found[3]) == (value in ("12.5", 7))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.integers(0, 20), st.integers(60, 300), st.integers(1, 40))
def test_every_fold_learns_only_what_was_known_before_it_is_measured(case, frame, folds, delay_days, rows, a_day):
    found = frame(rows)
    found["AS_OF"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows) // a_day, unit="D")
    found["LABEL_KNOWN_AT"] = found["AS_OF"] + pd.Timedelta(days=delay_days)
    known = training_frame(found, case())
    ends = []
    for fold in time_folds(known, case(), folds):
        train, test = known.iloc[fold.train], known.iloc[fold.test]
        assert train["label_known_at"].max() < test["as_of"].min()
        assert train["as_of"].max() < test["as_of"].min()
        ends.append(test["as_of"].max())
    assert ends == sorted(set(ends))


def test_the_holdout_is_the_newest_and_unknown_to_the_rest(case, frame):
    rows = training_frame(frame(), case())
    fold = time_split(rows, case())
    assert rows["label_known_at"].iloc[fold.train].max() < rows["as_of"].iloc[fold.test].min()
    assert fold.test.max() == len(rows) - 1


def test_rows_of_one_moment_cannot_be_split(case, frame):
    rows = training_frame(frame(AS_OF=NOON, LABEL_KNOWN_AT=NOON), case())
    with pytest.raises(TooFewRows, match="no outcome was known before"):
        time_split(rows, case())


def test_the_digest_is_of_the_rows_not_of_their_order(case, frame):
    rows = frame()
    digests = {
        frame_sha256(normalized(each, case()))
        for each in (rows, rows.sample(frac=1, random_state=1), rows[rows.columns[::-1]])
    }
    assert len(digests) == 1
    assert frame_sha256(normalized(rows.assign(NOISE=0.0), case())) not in digests
