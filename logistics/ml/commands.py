"""`logistics models`: train, judge, promote, watch and compare models."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from logistics.errors import LogisticsError, UsageError
from logistics.project import project_root

_Command = Callable[..., Any]
_ENGINEER = "DATA_ENGINEER"
_NEEDED = ("numpy", "pandas", "scipy", "sklearn", "skops", "threadpoolctl")


def _common(command: _Command) -> _Command:
    """Gives a command of models its options; it is refused in one line where the packages for models are not installed."""

    @wraps(command)
    def checked(**given: Any) -> Any:
        _require(*_NEEDED)
        return command(**given)

    printed = click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="How to print.",
    )(checked)
    return click.option(
        "--environment", "-e", "environment", default="dev", show_default=True, help="The stack: dev, staging or prod."
    )(printed)


@click.group()
def models() -> None:
    """Machine learning models: train, judge, promote, watch, compare.

    \b
    late_delivery      whether a shipment will be late
    delivery_time      hours to delivery
    behavior_segment   a customer's segment in the next 30 days
    maintenance_risk   whether a vehicle is due in 30 days
    """


@models.command("list")
@_common
@click.argument("model", required=False)
def list_command(environment: str, form: str, model: str | None) -> None:
    """Lists the versions of all models, or of MODEL, newest first.

    \b
    logistics models list --environment prod --format json
    """
    with _lifecycle(environment) as life:
        if model:
            _use_case(model)
        found = life.registry.versions(model)
    columns = ("use_case", "version", "stage", "algorithm", "rows_trained", "trained_to", "created_at", "trained_by")
    _print(form, [{name: getattr(each, name) for name in columns} for each in found], "no model has been trained yet")


@models.command()
@_common
@click.option("--version", type=click.IntRange(1), help="The version; else the serving one, else the newest.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report with pictures here.",
)
@click.argument("model")
def show(environment: str, form: str, version: int | None, report_file: Path | None, model: str) -> None:
    """Shows a version of MODEL: its card, metrics, gates and events; with pictures in a report.

    \b
    logistics models show late_delivery --report late_delivery.html
    """
    from logistics.ml.core.comparisons import Comparisons

    with _lifecycle(environment) as life:
        found = _version(life, model, version)
        metrics, events = life.registry.metrics(found), life.registry.events(model)
        if report_file:
            _require("matplotlib")
            from logistics.ml.report import write_report

            text = write_report(life, model, found, _newest_drift(life, found), Comparisons(life).all_of(model))
            report_file.write_text(text, encoding="utf-8")
    if form == "json":
        _print(form, {**vars(found), "metrics": metrics, "events": events})
        return
    click.echo(f"version {found.version}, {found.stage}\n\n{found.model_card}\n")
    _print(form, [{name: row[name] for name in ("kind", "metric", "value", "reference", "passed")} for row in metrics])
    if report_file:
        click.echo(f"{report_file}: written")


@models.command()
@_common
@click.option("--seed", type=int, help="Of everything random; the same seed gives the same numbers.")
@click.option("--as-of", help="Learn only from what was known at this moment of the data, such as 2026-05-01.")
@click.option("--at", help="Read the tables as they were at this UTC time (Time Travel), to repeat a training.")
@click.argument("model")
def train(environment: str, form: str, seed: int | None, as_of: str | None, at: str | None, model: str) -> None:
    """Trains MODEL, cross-validated in time against its baseline, and registers the version as a candidate.

    \b
    logistics models train late_delivery
    logistics models train late_delivery --at "2026-07-01 12:00:00" --seed 7
    """
    from logistics.ml.core.training import SEED, mean_of_folds

    for moment in (as_of, at):
        _check_moment(moment)
    with _lifecycle(environment) as life:
        version, trained = life.train(model, seed=SEED if seed is None else seed, as_of=as_of, at=at)
    folds = mean_of_folds(trained)
    metric = trained.case.metric
    _print(
        form,
        {
            "use_case": model,
            "version": version.version,
            "stage": version.stage,
            "algorithm": version.algorithm,
            "rows": version.rows_trained,
            "metric": metric,
            "cross_validation": folds.model[metric] if folds else None,
            "holdout": trained.on_holdout.model[metric],
            "baseline": trained.on_holdout.baseline[metric],
            "metrics": dict(trained.on_holdout.model),
            "data_as_of": version.data_as_of,
        },
    )


@models.command()
@_common
@click.option("--version", type=click.IntRange(1), help="The version; else the newest that waits.")
@click.argument("model")
def evaluate(environment: str, form: str, version: int | None, model: str) -> None:
    """Runs the gates on a version of MODEL; one that passes goes to staging. Exits with 1 where a gate fails."""
    with _lifecycle(environment) as life:
        found, gates = life.evaluate(model, version)
    _print(form, [{"version": found.version, **vars(gate)} for gate in gates])
    failed = [gate.name for gate in gates if not gate.passed]
    if failed:
        raise LogisticsError(f"{model} {found.version} fails: {', '.join(failed)}")


@models.command()
@_common
@click.option("--version", type=click.IntRange(1), help="The version; else the newest that waits.")
@click.option("--reason", default="", help="Kept with the event.")
@click.argument("model")
def promote(environment: str, form: str, version: int | None, reason: str, model: str) -> None:
    """Runs the gates on a version of MODEL and makes it serve, in one transaction; a failed gate leaves all as it was.

    \b
    logistics models promote late_delivery --environment prod
    """
    with _lifecycle(environment) as life:
        found, gates = life.promote(model, version, reason)
    _print(
        form,
        {"use_case": model, "version": found.version, "stage": found.stage, "gates": [gate.name for gate in gates]},
    )


@models.command()
@_common
@click.option("--reason", default="", help="Kept with the event.")
@click.argument("model")
def rollback(environment: str, form: str, reason: str, model: str) -> None:
    """Makes the version of MODEL serve that served before, in one transaction."""
    with _lifecycle(environment) as life:
        found = life.rollback(model, reason)
    _print(form, {"use_case": model, "version": found.version, "stage": found.stage})


@models.command()
@_common
@click.option("--version", type=click.IntRange(1), help="The version; else the serving one, else the newest.")
@click.option("--retire", is_flag=True, help="Take a published version back.")
@click.argument("model")
def publish(environment: str, form: str, version: int | None, retire: bool, model: str) -> None:
    """Publishes a version of MODEL in Snowflake's Model Registry, where the account has it, as the default of its name.

    Needs the package snowflake-ml-python and the privilege CREATE MODEL on the schema ML. What serves stays as it is.

    \b
    logistics models publish late_delivery --environment prod
    logistics models publish late_delivery --version 3 --retire
    """
    from logistics.ml.model_registry import SnowflakeModelRegistry

    with _lifecycle(environment) as life:
        found = _version(life, model, version)
        store = SnowflakeModelRegistry(life.warehouse.connection, life.warehouse.connection.database)
        name = (store.retire if retire else store.publish)(life, found)
    _print(form, {"use_case": model, "version": found.version, "retired" if retire else "published": name})


@models.command()
@_common
@click.option("--all", "everything", is_flag=True, help="Also rows that the version has learned from.")
@click.argument("model", nargs=-1)
def score(environment: str, form: str, everything: bool, model: tuple[str, ...]) -> None:
    """Writes predictions of rows that have none, and what came true of earlier ones; of all models, or of MODELs."""
    from logistics.ml.core.serving import Serving, for_each

    with _lifecycle(environment) as life:
        serving = Serving(life)
        found = for_each(_names(model), lambda name: serving.score(name, everything=everything))
    _print(form, found)
    _raise_errors(found)


@models.command()
@_common
@click.option("--retrain", is_flag=True, help="Train what has drifted at once, instead of leaving it to the task.")
@click.argument("model", nargs=-1)
def drift(environment: str, form: str, retrain: bool, model: tuple[str, ...]) -> None:
    """Reads the drift of the serving versions' inputs, performance and age; stores it, and alerts where there is some.

    The stored check starts the task train_models, where there is drift.
    """
    from logistics.ml.core.serving import Serving, for_each

    with _lifecycle(environment) as life:
        serving = Serving(life)
        readings: list[dict[str, Any]] = []

        def check(name: str) -> dict[str, Any]:
            found = serving.check_drift(name)
            readings.extend({"use_case": name, **vars(each)} for each in found)
            return {"use_case": name}

        errors = for_each(_names(model), check)
        drifted = sorted({each["use_case"] for each in readings if each["is_drifted"]})
        if retrain:
            readings += [life.retrain(name, "asked for by command") for name in drifted]
    _print(form, readings, "there is nothing to check yet")
    _raise_errors(errors)


@models.group()
def ab() -> None:
    """Compares two versions on live rows, with stated error rates; a comparison ends by itself."""


@ab.command()
@_common
@click.option("--version", type=click.IntRange(1), help="The challenger; else the newest in staging.")
@click.option("--shadow", is_flag=True, help="Let the challenger score every row unseen, instead of serving its share.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Of the keys.",
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Most probable error.")
@click.option("--power", type=float, default=0.8, show_default=True, help="Least probability to find the effect.")
@click.option(
    "--effect", type=float, help="The difference of mean losses that matters; else a tenth of the champion's."
)
@click.argument("model")
def start(environment: str, form: str, version: int | None, model: str, shadow: bool, **given: Any) -> None:
    """Starts a comparison of a version of MODEL with the serving one.

    \b
    logistics models ab start late_delivery --share 0.2 --alpha 0.01
    logistics models ab start late_delivery --shadow
    """
    given["minimum_effect"] = given.pop("effect")
    with _lifecycle(environment) as life:
        _print(form, _comparisons(life).start(model, version, mode="shadow" if shadow else "split", **given))


@ab.command("evaluate")
@_common
@click.option("--keep", is_flag=True, help="Do not promote a challenger that wins.")
@click.argument("model")
def evaluate_test(environment: str, form: str, keep: bool, model: str) -> None:
    """Looks at the comparison of MODEL; at its end it is stopped, and a better challenger promoted."""
    with _lifecycle(environment) as life:
        _print(form, _comparisons(life).evaluate(model, promote=not keep))


@ab.command()
@_common
@click.argument("model")
def stop(environment: str, form: str, model: str) -> None:
    """Ends the comparison of MODEL without a decision."""
    with _lifecycle(environment) as life:
        _print(form, _comparisons(life).stop(model))


@ab.command("list")
@_common
@click.argument("model")
def list_tests(environment: str, form: str, model: str) -> None:
    """Lists the comparisons of MODEL, newest first."""
    _use_case(model)
    with _lifecycle(environment) as life:
        found = _comparisons(life).all_of(model)
    _print(form, found, f"{model} has not been compared yet")


def _comparisons(life: Any) -> Any:
    from logistics.ml.core.comparisons import Comparisons

    return Comparisons(life)


def _require(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise LogisticsError(
            f"models need {', '.join(missing)}, which `make up` does without: install them with `make analysis`"
        )


@contextmanager
def _lifecycle(environment: str) -> Iterator[Any]:
    """Opens an environment's lifecycle; errors of models become errors of the command."""
    from logistics.connection import connect
    from logistics.local.environment import environment as variables_of
    from logistics.ml.bundle import code_version
    from logistics.ml.core.errors import ModelError
    from logistics.ml.core.lifecycle import Lifecycle, Limits
    from logistics.ml.warehouse import ConnectorWarehouse
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, environment)
    with connect(settings, os.environ | variables_of(root, settings), role=_ENGINEER) as connection:
        limits = Limits.from_mapping(settings.platform.model_limits)
        try:
            yield Lifecycle(ConnectorWarehouse(connection), limits, code_version())
        except ModelError as error:
            raise LogisticsError(str(error)) from error


def _use_case(name: str) -> Any:
    from logistics.ml.core.errors import ModelError
    from logistics.ml.core.use_cases import use_case

    try:
        return use_case(name)
    except ModelError as error:
        raise UsageError(str(error)) from None


def _names(given: Sequence[str]) -> list[str]:
    from logistics.ml.core.use_cases import USE_CASES

    return [_use_case(name).name for name in given] or list(USE_CASES)


def _version(life: Any, model: str, number: int | None) -> Any:
    _use_case(model)
    if number:
        return life.registry.version(model, number)
    found = life.registry.production(model) or next(iter(life.registry.versions(model)), None)
    if found is None:
        raise LogisticsError(f"{model} has no version; train one: logistics models train {model}")
    return found


def _newest_drift(life: Any, version: Any) -> list[dict[str, Any]]:
    return life.warehouse.rows(
        "select * from ml.drift_results where use_case = ? and version = ? "
        "qualify rank() over (order by checked_at desc) = 1 order by kind, feature, statistic",
        [version.use_case, version.version],
    )


def _check_moment(text: str | None) -> None:
    try:
        datetime.fromisoformat(text or "2000-01-01")
    except ValueError:
        raise UsageError(f"{text!r} is no time: allowed: such as 2026-05-01 or 2026-05-01 12:00:00") from None


def _raise_errors(found: Sequence[Mapping[str, Any]]) -> None:
    errors = [each["error"] for each in found if each.get("error")]
    if errors:
        raise LogisticsError("; ".join(errors))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, int, bool)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


def _print(form: str, found: Any, nothing: str = "nothing to do") -> None:
    """Prints rows or one result, as JSON or as a table."""
    if form == "json":
        click.echo(json.dumps(_plain(found), indent=2))
        return
    if isinstance(found, Mapping):
        width = max(len(name) for name in found)
        for name, value in found.items():
            click.echo(f"{name:<{width}}  {_cell(value)}")
        return
    if not found:
        click.echo(nothing)
        return
    names = list(dict.fromkeys(name for row in found for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in found)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
    for row in cells:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


COMMANDS = (models,)
