"""The models' lifecycle on a deployed platform: rows come in raw, models are trained, promoted, served, watched and compared."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from deployed import Platform

from logistics.cli import commands
from logistics.errors import LogisticsError
from logistics.local import environment
from logistics.ml.bundle import code_version
from logistics.ml.core.comparisons import Comparisons
from logistics.ml.core.errors import GateFailed, ModelError, PromotionConflict
from logistics.ml.core.frames import frame_sha256, training_frame
from logistics.ml.core.lifecycle import Lifecycle, Limits
from logistics.ml.core.serving import Serving
from logistics.ml.core.use_cases import use_case
from logistics.ml.report import write_report
from logistics.ml.warehouse import ConnectorWarehouse

pytestmark = pytest.mark.slow
MODEL = "late_delivery"
LIMITS = Limits.from_mapping({"gates": {"latency_milliseconds": 1e9}})


def shipments(first: int, rows: int, start: str, *, promised: float = 60.0) -> str:
    """Staged shipments, one an hour, that take 50 to 70 hours and are late by what was promised."""
    random = np.random.default_rng(first)
    values = []
    for number in range(first, first + rows):
        shipped = pd.Timestamp(start) + pd.Timedelta(hours=number - first)
        due = shipped + pd.Timedelta(hours=round(promised * random.uniform(0.2, 1.8), 1))
        delivered = shipped + pd.Timedelta(hours=int(random.integers(50, 70)))
        customer, vehicle = f"C00000000{number % 3 + 1}", f"V{number % 5}"
        values.append(
            f"('S{number:06d}', 'O{number}', '{customer}', '{vehicle}', '{shipped:%Y-%m-%d}', 'AIR', '{shipped}', '{due}', '{delivered}', "
            f"{(delivered - shipped).total_seconds() / 3600}, {str(delivered > due).lower()}, 1, 10, '{shipped}')"
        )
    return (
        "insert into staging.stg_shipments (shipment_id, order_id, customer_id, vehicle_id, shipment_date, ship_mode, shipped_at, "
        f"promised_at, delivered_at, delivery_time_hours, is_late, quantity, revenue, sent_at) values {', '.join(values)}"
    )


@pytest.fixture(scope="module")
def trained(platform: Platform) -> Platform:
    """The platform with 900 shipments, and no task that does anything by itself."""
    tasks = platform.rows("show tasks in database LOGISTICS", role="ACCOUNTADMIN")
    platform.run(*[f'alter task LOGISTICS."{row[4]}"."{row[1]}" suspend' for row in tasks], role="ACCOUNTADMIN")
    platform.run(shipments(0, 900, "2026-01-01"))
    return platform


@pytest.fixture
def life(trained: Platform) -> Iterator[Lifecycle]:
    """The lifecycle, as the command has it."""
    with connection(trained) as opened:
        yield Lifecycle(ConnectorWarehouse(opened), LIMITS, code_version())


def connection(platform: Platform, role: str = "DATA_ENGINEER", **login):
    return platform.server.connect(role=role, database="LOGISTICS", warehouse="COMPUTE_WH_DEV", **login)


def test_the_features_of_a_moment_hold_nothing_later(trained: Platform, life: Lifecycle):
    case, moment = use_case(MODEL), pd.Timestamp("2026-01-20")
    before = frame_sha256(training_frame(life.frame(case)[0], case, moment))
    shown = f"select * from {case.view} where as_of <= '{moment}'::timestamp_ntz order by shipment_id"
    features = [row[7:] for row in trained.rows(shown)]
    with connection(trained) as opened:
        cursor = opened.cursor()
        cursor.execute("begin transaction")
        try:
            cursor.execute(shipments(500_000, 200, f"{moment + pd.Timedelta(hours=1)}"))
            cursor.execute(
                "update staging.stg_shipments set is_late = not is_late, delivery_time_hours = 999 "
                f"where delivered_at > '{moment}'"
            )
            assert [row[7:] for row in cursor.execute(shown).fetchall()] == features
            changed = Lifecycle(ConnectorWarehouse(opened), LIMITS, "x")
            assert frame_sha256(training_frame(changed.frame(case)[0], case, moment)) == before
        finally:
            cursor.execute("rollback")


def test_from_training_to_rollback(life: Lifecycle):
    earlier = life.registry.production(MODEL)
    first, fitted = life.train(MODEL)
    assert first.stage == "candidate"
    assert fitted.on_holdout.model["brier"] < 0.8 * fitted.on_holdout.baseline["brier"]
    again, repeated = life.train(MODEL, at=str(first.data_as_of))
    assert (again.frame_sha256, again.version) == (first.frame_sha256, first.version + 1)
    assert repeated.on_holdout == fitted.on_holdout
    assert life.promote(MODEL, first.version)[0].stage == "production"
    assert life.promote(MODEL, again.version)[0].stage == "production"
    assert life.registry.version(MODEL, first.version).stage == "archived"
    assert life.rollback(MODEL, "just so").version == first.version
    if earlier:
        assert life.rollback(MODEL).version == earlier.version
    else:
        with pytest.raises(ModelError, match="nothing to go back to"):
            life.rollback(MODEL)
    stored = life.warehouse.rows("list @ml.models")
    assert len(stored) >= 2
    page = write_report(life, MODEL, first, [], [])
    assert page.count("<svg") == 2
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_two_that_promote_at_once_leave_one_in_production(trained: Platform, life: Lifecycle):
    versions = [life.train(MODEL, seed=seed)[0] for seed in (1, 2)]
    serving = life.registry.production(MODEL)
    expected = serving.version if serving else None
    outcomes, start = [], threading.Barrier(2)

    def promote(version) -> None:
        with connection(trained) as opened:
            mine = Lifecycle(ConnectorWarehouse(opened), LIMITS, "x")
            start.wait()
            try:
                mine.registry.promote(version, expected)
                outcomes.append("promoted")
            except PromotionConflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=promote, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["promoted", "refused"]
    assert sum(each.stage == "production" for each in life.registry.versions(MODEL)) == 1


def test_a_promotion_that_breaks_off_changes_nothing(life: Lifecycle, monkeypatch):
    version = life.train(MODEL, seed=3)[0]
    before = life.registry.versions(MODEL)
    monkeypatch.setattr(life.registry, "note", lambda *_: 1 / 0)
    serving = life.registry.production(MODEL)
    with pytest.raises(ZeroDivisionError):
        life.registry.promote(version, serving.version if serving else None)
    assert life.registry.versions(MODEL) == before


def test_no_signal_is_not_promoted(life: Lifecycle):
    life.train("delivery_time")
    with pytest.raises(GateFailed, match=r"delivery_time \d+ is not promoted: baseline"):
        life.promote("delivery_time")
    assert life.registry.production("delivery_time") is None
    assert life.registry.events("delivery_time")[0]["event"] == "gate_failed"


def test_served_watched_and_compared(trained: Platform, life: Lifecycle):
    if life.registry.production(MODEL) is None:
        life.promote(MODEL, life.train(MODEL)[0].version)
    serving, comparisons = Serving(life), Comparisons(life)
    scored = serving.score(MODEL)
    assert scored["scored"] > 100
    assert serving.score(MODEL)["scored"] == 0
    [(rows, known)] = trained.rows("select count(*), count(outcome) from ml.predictions where loss between 0 and 1")
    assert rows == known > 100
    assert not any(each.is_drifted for each in serving.check_drift(MODEL) if each.feature in ("ship_mode", "quantity"))

    challenger = life.train(MODEL, seed=9)[0]
    assert life.evaluate(MODEL, challenger.version)[0].stage == "staging"
    started = comparisons.start(MODEL, challenger.version, share=0.4)
    with pytest.raises(ModelError, match="runs already"):
        comparisons.start(MODEL, challenger.version)
    trained.run(shipments(700_000, 400, "2026-03-01", promised=400))
    serving.score(MODEL)
    arms = dict(trained.rows("select arm, count(*) from ml.predictions where entity_id >= 'S700000' group by arm"))
    assert sum(arms.values()) == 400
    split = trained.rows(
        "select count(distinct arm), max(iff((to_number(left(sha2(%s || '/' || customer_id, 256), 8), 'XXXXXXXX') / 4294967296 < 0.4) "
        "= (arm = 'challenger'), 0, 1)) from ml.predictions where entity_id >= 'S700000' group by customer_id".replace(
            "%s", f"'{started['test_name']}'"
        )
    )
    assert set(split) == {(1, 0)}
    assert comparisons.evaluate(MODEL)["status"] == "running"
    assert comparisons.stop(MODEL)["decision"] == "cancelled"

    drifted = {each.feature for each in serving.check_drift(MODEL) if each.is_drifted}
    assert "promised_hours" in drifted
    assert life.registry.events(MODEL)[0]["event"] == "drift_alert"


def test_inside_snowflake_the_same_code_trains_alike_and_answers(trained: Platform, life: Lifecycle, wait_for):
    outside = life.train(MODEL)[0]
    [(answer,)] = trained.rows(f"call ml.run_models('train', parse_json('{{\"use_cases\": [\"{MODEL}\"]}}'))")
    inside = life.registry.version(MODEL, json.loads(answer)[0]["version"])
    assert (inside.code_version, inside.frame_sha256) == (outside.code_version, outside.frame_sha256)
    [mine, theirs] = [
        {(row["kind"], row["metric"]): row["value"] for row in life.registry.metrics(each)}
        for each in (outside, inside)
    ]
    assert mine == theirs

    if life.registry.production(MODEL) is None:
        life.promote(MODEL, inside.version)
    asked = f"select ml.predict('{MODEL}', object_construct('promised_hours', {{}}))"
    for role in ("DATA_SCIENTIST", "DATA_ANALYST"):
        login = {"user": f"TEST_{role[5:]}", "password": f"Test-{role[5:].lower()}-1"}
        with connection(trained, role, **login) as opened:
            cursor = opened.cursor()
            cursor.execute("use secondary roles none")
            short, long = (
                json.loads(cursor.execute(asked.format(hours)).fetchone()[0])["score"] for hours in (12, 200)
            )
            assert short > long
    assert trained.rows("select ml.predict('behavior_segment', object_construct())") == [(None,)]

    Serving(life).check_drift("maintenance_risk")
    trained.run(
        "insert into ml.drift_results (use_case, kind, feature, is_drifted, checked_at) "
        "select 'delivery_time', 'data', 'x', true, sysdate()"
    )
    trained.run("alter task ml.train_models resume", "execute task ml.train_models")
    told = (
        "select count(*) from ml.model_events where use_case = 'delivery_time' and happened_by = 'SYSTEM' "
        "and event in ('refused', 'gate_failed')"
    )
    assert wait_for(lambda: trained.rows(told) != [(0,)], 150)
    assert trained.rows("select count(*) from ml.drift_stream") == [(0,)]
    trained.run("alter task ml.train_models suspend")


class ModelRegistry:
    """Stands for `snowflake.ml.registry`, which no account at hand has: it keeps what it is given."""

    def __init__(self) -> None:
        self.logged: dict[tuple[str, str], dict[str, Any]] = {}
        self.default: str | None = None

    def open(self, session, database_name: str, schema_name: str) -> ModelRegistry:
        self.opened = (session, database_name, schema_name)
        return self

    def log_model(self, model, *, model_name: str, version_name: str, **given: Any) -> None:
        self.logged[model_name, version_name] = {"model": model, **given}

    def get_model(self, name: str) -> ModelRegistry:
        self.name = name
        return self

    def delete_version(self, version: str) -> None:
        del self.logged[self.name, version]


def test_a_version_is_published_in_snowflakes_own_registry_and_taken_back(trained, life, monkeypatch):
    version = life.train(MODEL)[0]
    variables = trained.server.environment()
    monkeypatch.setattr(environment, "environment", lambda *_: variables)

    def publish(*options: str):
        arguments = ["models", "publish", MODEL, "--version", str(version.version), "--format", "json", *options]
        return CliRunner().invoke(commands, arguments, env=dict(os.environ))

    lacking = publish()
    assert isinstance(lacking.exception, LogisticsError)
    assert "snowflake-ml-python" in str(lacking.exception)
    session, kept = mock.MagicMock(), ModelRegistry()
    monkeypatch.setitem(sys.modules, "snowflake.ml.registry", SimpleNamespace(Registry=kept.open))
    monkeypatch.setitem(sys.modules, "snowflake.snowpark", SimpleNamespace(Session=session))
    name = ("LATE_DELIVERY", f"V{version.version}")
    assert json.loads(publish().stdout)["published"] == " ".join(name)
    assert kept.opened == (session.builder.configs.return_value.create.return_value, "LOGISTICS", "ML")
    assert (list(kept.logged), kept.default) == ([name], name[1])
    given = kept.logged[name]
    assert len(given["model"].predict(given["sample_input_data"])) == len(given["sample_input_data"]) > 0
    assert 0 < given["metrics"]["brier"] < 1
    assert life.registry.events(MODEL)[0]["event"] == "published"
    assert json.loads(publish("--retire").stdout)["retired"] == " ".join(name)
    assert kept.logged == {}
