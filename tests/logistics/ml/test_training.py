"""A planted signal is found, its absence is not; the same seed gives the same numbers; stored models are never loaded blindly."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest

from logistics.ml.core import artifacts
from logistics.ml.core.baselines import baseline_predictions
from logistics.ml.core.errors import ModelError, TooFewRows, UnsafeArtifact
from logistics.ml.core.gates import GateLimits, check_gates, group_losses, losses_of, row_losses, signature_of
from logistics.ml.core.metrics import calibration, log_loss, losses, measure
from logistics.ml.core.training import mean_of_folds, predict, train
from logistics.ml.core.use_cases import USE_CASES, use_case

KINDS = ["binary", "multiclass", "regression"]


def baseline_losses(trained):
    """What the baseline loses on each row of the holdout."""
    rows = trained.holdout_rows
    answers = baseline_predictions(trained.case, trained.trained_rows, rows, trained.classes)
    return losses_of(trained.case, answers, rows, trained.classes)


def gates(trained, production=None, limits=None, **changes):
    """The gates of a trained model, by name."""
    arguments = {
        "case": trained.case,
        "model": trained.model,
        "signature": signature_of(trained.case, trained.model),
        "holdout": trained.holdout_rows,
        "baseline": baseline_losses(trained),
        "production": production,
        "limits": limits or GateLimits(latency_milliseconds=1e9),
    }
    return {gate.name: gate for gate in check_gates(**(arguments | changes))}


@pytest.fixture(scope="module")
def trained(case, frame):
    """A model of a planted signal, for each kind of outcome."""
    return {kind: train(case(kind), frame(kind=kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def blind(case, frame):
    """A model where there is nothing to learn, for each kind of outcome."""
    return {kind: train(case(kind), frame(kind=kind, strength=0.0)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_signal_is_found(trained, kind):
    found = trained[kind]
    metric = found.case.metric
    assert found.on_holdout.model[metric] < 0.75 * found.on_holdout.baseline[metric]
    folds = mean_of_folds(found)
    assert folds.model[metric] < folds.baseline[metric]
    assert next(iter(found.importance)) == "signal"
    assert all(gate.passed for gate in gates(found).values())


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_no_signal_none_is_claimed(blind, kind):
    found = blind[kind]
    assert found.on_holdout.model[found.case.metric] > 0.97 * found.on_holdout.baseline[found.case.metric]
    assert not gates(found)["baseline"].passed


def test_the_same_seed_gives_the_same_bytes_of_metrics(case, frame, trained):
    rows = frame().sample(frac=1, random_state=3)

    def told(found):
        return json.dumps(
            [mean_of_folds(found).model, found.on_holdout.model, found.importance, found.estimators, found.frame_sha256]
        )

    assert told(train(case(), rows)) == told(trained["binary"])
    assert told(train(case(), rows, seed=1)) != told(trained["binary"])


def test_later_rows_change_nothing_of_a_training_as_of_a_moment(case, frame):
    rows = frame()
    moment = rows["AS_OF"][400]
    first = train(case(), rows, as_of=moment)
    rows.loc[rows["LABEL_KNOWN_AT"] > moment, "SIGNAL"] = 1e6
    assert train(case(), rows, as_of=moment).on_holdout == first.on_holdout
    assert first.trained_to <= moment


def test_missing_and_unseen_values_are_stood(case, frame):
    rows = frame()
    rows.loc[::3, "SIGNAL"] = np.nan
    rows.loc[::5, "COLOUR"] = None
    rows["NOISE"] = np.nan
    found = train(case(), rows)
    assert np.isfinite(predict(found.model, found.case, found.holdout_rows.assign(colour="violet", signal=None))).all()


def test_one_outcome_before_the_holdout_is_too_few(case, frame):
    rows = frame()
    rows.loc[:500, "OUTCOME"] = True
    with pytest.raises(TooFewRows, match="have the outcome 1"):
        train(case(), rows)


def test_a_class_that_appears_in_the_holdout_only_costs(case, frame):
    rows = frame(kind="multiclass")
    rows.loc[560:, "OUTCOME"] = "NEW"
    found = train(case("multiclass"), rows)
    assert "NEW" not in found.classes
    assert found.on_holdout.model["accuracy"] < 0.8


def test_an_artifact_gives_the_same_predictions(trained):
    for found in trained.values():
        stored = artifacts.dump(found.model)
        loaded = artifacts.load(artifacts.from_text(artifacts.to_text(stored)), artifacts.sha256(stored))
        np.testing.assert_array_equal(
            predict(loaded, found.case, found.holdout_rows), predict(found.model, found.case, found.holdout_rows)
        )


class _Stranger:
    """A type that nobody trusts."""


def test_an_artifact_is_never_loaded_blindly(trained):
    stored = artifacts.dump(trained["binary"].model)
    with pytest.raises(UnsafeArtifact, match="SHA-256 differs"):
        artifacts.load(stored + b" ", artifacts.sha256(stored))
    for bad in (b"no zip", _zip_of({"schema.json": "{}"}), artifacts.dump(_Stranger())):
        with pytest.raises(UnsafeArtifact, match=r"no skops file|not trusted"):
            artifacts.load(bad, artifacts.sha256(bad))
    with pytest.raises(UnsafeArtifact, match="no base64"):
        artifacts.from_text("no base64!")


def _zip_of(files):
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return written.getvalue()


def test_a_version_with_another_signature_is_refused(trained):
    found = trained["binary"]
    signature = signature_of(found.case, found.model)
    assert not gates(found, signature=signature | {"inputs": {"signal": "double"}})["schema"].passed
    assert gates(found, signature=json.loads(json.dumps(signature)))["schema"].passed


def test_a_slow_version_is_refused(trained):
    ticks = iter(range(100))
    assert not gates(trained["binary"], limits=GateLimits(latency_milliseconds=500), clock=lambda: float(next(ticks)))[
        "latency"
    ].passed


def test_a_version_that_fails_one_tier_is_refused(case, frame):
    rows = frame(1200, strength=4.0)
    silver = rows["TIER"] == "SILVER"
    rows.loc[silver, "OUTCOME"] = np.random.default_rng(5).random(silver.sum()) > 0.5
    found = train(case(), rows)
    gate = gates(found)["fairness"]
    assert not gate.passed
    losses = row_losses(found.case, found.model, found.holdout_rows)
    assert group_losses(found.case, found.holdout_rows, losses)["SILVER"].mean() > 0.15
    assert "GOLD" in gate.detail
    assert "SILVER" in gate.detail


def test_without_groups_there_is_nothing_to_compare(case, frame):
    found = train(case(group=None), frame())
    assert gates(found)["fairness"].passed


def test_a_step_back_from_production_is_refused_and_an_equal_one_is_not(trained, blind):
    good, bad = trained["binary"], blind["binary"]
    assert gates(good, production=good.model)["production"].passed
    assert gates(good, production=bad.model)["production"].passed
    refused = gates(good, model=bad.model, production=good.model)["production"]
    assert (refused.passed, refused.value > 0.5) == (False, True)


def test_metrics_of_known_truth():
    truth, sure = np.array(["0", "1", "1", "0"]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    found = measure("binary", truth, sure, ["0", "1"])
    assert found["accuracy"] == found["auc"] == found["f1_macro"] == 1.0
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.16 + 0.09) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.6, 0.7]).mean())
    numbers = measure("regression", np.array([1.0, 2, 3]), np.array([1.0, 2, 6]), [])
    assert (numbers["mae"], numbers["rmse"], numbers["r2"], numbers["bias"]) == (1.0, pytest.approx(3**0.5), -3.5, 1.0)
    assert log_loss(np.array([-1]), np.array([[0.5, 0.5]])) == pytest.approx(-np.log(1e-6))
    assert calibration(np.array([1, 0]), np.array([[0.0, 1.0], [0.95, 0.05]])) == [(0.05, 0.0, 1), (1.0, 1.0, 1)]


@pytest.mark.parametrize(
    ("kind", "truth", "score", "label", "loss"),
    [("binary", "1", 0.8, "1", 0.04), ("regression", 5.0, 7.5, None, 2.5), ("multiclass", "LOW", 0.9, "HIGH", 1.0)],
)
def test_losses_of_served_rows(kind, truth, score, label, loss):
    assert losses(kind, [truth], [score], [label])[0] == pytest.approx(loss)


@pytest.mark.parametrize("name", list(USE_CASES))
def test_no_use_case_has_its_outcome_or_its_group_among_its_inputs(name):
    found = use_case(name)
    assert not {found.target, found.group, found.entity, found.key, found.as_of, found.label_known_at} & set(
        found.inputs
    )
    assert len(set(found.inputs)) == len(found.inputs)


def test_an_unknown_use_case_is_named():
    with pytest.raises(ModelError, match="no model churn: allowed: late_delivery"):
        use_case("churn")
