"""A model's report: one HTML file with its card, numbers and pictures, that needs nothing else to be read."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from logistics.ml.core.errors import ModelError
from logistics.ml.core.frames import training_frame
from logistics.ml.core.lifecycle import Lifecycle
from logistics.ml.core.metrics import calibration
from logistics.ml.core.prediction import classes_of, predict
from logistics.ml.core.registry import Version
from logistics.ml.core.use_cases import use_case

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border-bottom:1px solid #d0d7de;padding:.3rem .5rem;text-align:left}"
    "pre{white-space:pre-wrap;background:#f6f8fa;padding:1rem}svg{max-width:100%;height:auto}.bad{color:#b3261e;font-weight:600}"
)
_BLUE, _RED, _GREY = "#1f6feb", "#b3261e", "#8c959f"


def write_report(
    life: Lifecycle, name: str, version: Version, drift: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]]
) -> str:
    """Returns the report of a version as HTML.

    Args:
        life: to read the rows that the version has not seen, and its stored numbers.
        name: of the use case.
        version: to report.
        drift: its newest readings, rows of ML.DRIFT_RESULTS.
        tests: its comparisons, rows of ML.AB_TESTS.
    """
    profile = life.registry.profile(version)
    pictures = [
        ("How often predictions come true", _fits(life, version)),
        ("What the model goes by", _picture(lambda axes: _importance(axes, profile["importance"]))),
    ]
    if drift:
        pictures.append(("How far inputs are from training", _picture(lambda axes: _drift(axes, drift))))
    metrics = life.registry.metrics(version)
    parts = [
        f"<h1>{html.escape(name)} {version.version}, {version.stage}</h1>",
        f"<pre>{html.escape(version.model_card)}</pre>",
        *(f"<h2>{title}</h2>{picture}" for title, picture in pictures),
        _table("Measured", ("kind", "metric", "value", "reference", "passed", "detail"), metrics),
        _table("Drift", ("kind", "feature", "statistic", "value", "threshold", "is_drifted", "checked_at"), drift),
        _table(
            "Comparisons",
            ("test_name", "mode", "status", "decision", "p_value", "champion_loss", "challenger_loss"),
            tests,
        ),
        _table("What happened", ("happened_at", "version", "event", "severity", "detail"), life.registry.events(name)),
    ]
    head = f"<meta charset='utf-8'><title>{html.escape(name)} {version.version}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _fits(life: Lifecycle, version: Version) -> str:
    """Draws predictions against what came true, on rows that the version has not learned from."""
    case = use_case(version.use_case)
    model = life.registry.load(version)
    try:
        known = training_frame(life.frame(case)[0], case)
    except ModelError as error:
        return f"<p>{html.escape(str(error))}</p>"
    rows: Any = known[known[case.as_of] > version.trained_to].reset_index(drop=True)
    if rows.empty:
        return "<p>No outcome is known of rows after the training.</p>"
    answers = predict(model, case, rows)
    truth: Any = rows[case.target].to_numpy()
    if case.kind == "regression":
        return _picture(lambda axes: _values(axes, answers, truth.astype(float)))
    classes = classes_of(model, case)
    positions = [classes.index(value) if value in classes else -1 for value in truth]
    return _picture(lambda axes: _calibration(axes, calibration(_array(positions), answers)))


def _array(values: Sequence[int]) -> Any:
    import numpy as np

    return np.asarray(values)


def _picture(draw: Callable[[Any], None]) -> str:
    """Returns a picture as SVG that stands in the page."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    draw(axes)
    axes.spines[["top", "right"]].set_visible(False)
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()[written.getvalue().index("<svg") :]


def _calibration(axes: Any, points: Sequence[tuple[float, float, int]]) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", label="as predicted")
    axes.plot(
        [point[0] for point in points], [point[1] for point in points], marker="o", color=_BLUE, label="came true"
    )
    axes.set(xlabel="Predicted probability", ylabel="Share that came true", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)


def _values(axes: Any, predicted: Any, truth: Any) -> None:
    step = max(len(truth) // 2000, 1)
    axes.scatter(predicted[::step], truth[::step], s=6, alpha=0.4, color=_BLUE)
    axes.set(xlabel="Predicted", ylabel="Came true")


def _importance(axes: Any, importance: Mapping[str, float]) -> None:
    names = list(importance)[:12][::-1]
    axes.barh(names, [importance[name] for name in names], color=_BLUE)
    axes.set(xlabel="Rise of the loss when the input is shuffled")


def _drift(axes: Any, readings: Sequence[Mapping[str, Any]]) -> None:
    shown = [each for each in readings if each["kind"] == "data" and each["threshold"]][::-1]
    shares = [float(each["value"] or 0) / float(each["threshold"]) for each in shown]
    colours = [_RED if each["is_drifted"] else _BLUE for each in shown]
    axes.barh(
        [f"{each['feature']} {each['statistic']}" for each in shown],
        [min(share, 10) for share in shares],
        color=colours,
    )
    axes.axvline(1, color=_GREY, linestyle="--")
    axes.set(xlabel="Distance, 1 is the threshold (cut at 10)")
    axes.tick_params(axis="y", labelsize=7)


def _table(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(_cell(row.get(name), name) for name in columns)}</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>"


def _cell(value: Any, name: str) -> str:
    bad = (name == "passed" and value is False) or (name == "is_drifted" and value is True)
    text = "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
    return f"<td{' class=bad' if bad else ''}>{html.escape(text)}</td>"
