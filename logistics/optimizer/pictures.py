"""The pictures of a report, as SVG text drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from logistics.errors import UsageError
from logistics.optimizer.findings import Recommendation
from logistics.optimizer.forecast import LEVEL, Forecast

_PAST, _AHEAD, _LESS, _MORE = "#2f5d8a", "#c77700", "#2e7d4f", "#b3261e"
_MOST_BARS = 12
_PAST_DAYS = 90


def forecast_picture(found: Forecast) -> str:
    """Returns the credits by day: those of the past, those to come with their interval."""
    axes, figure = _axes(9.0, 3.0)
    past = list(found.past)[-_PAST_DAYS:]
    axes.plot([day for day, _ in past], [used for _, used in past], color=_PAST, label="used")
    days = [day.date for day in found.days]
    axes.plot(days, [day.expected for day in found.days], color=_AHEAD, label="expected")
    interval = ([day.low for day in found.days], [day.high for day in found.days])
    axes.fill_between(days, *interval, color=_AHEAD, alpha=0.2, linewidth=0, label=f"{LEVEL:.0%} of days")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("credits a day")
    axes.legend(frameon=False, loc="upper left")
    figure.autofmt_xdate()
    return _svg(figure)


def savings_picture(recommendations: Sequence[Recommendation]) -> str:
    """Returns the expected saving of the recommendations that have one; empty without any."""
    shown = [item for item in recommendations if item.saving_usd][:_MOST_BARS]
    if not shown:
        return ""
    axes, figure = _axes(9.0, 0.8 + 0.35 * len(shown))
    values = [item.saving_usd or 0.0 for item in shown]
    axes.barh(range(len(shown)), values, color=[_LESS if value > 0 else _MORE for value in values])
    axes.set_yticks(range(len(shown)), [f"{item.kind} {item.object_name[-32:]}" for item in shown])
    axes.invert_yaxis()
    axes.set_xlabel("USD saved in 30 days")
    return _svg(figure)


def pruning_picture(item: Recommendation) -> str:
    """Returns the shares of partitions read by key of a clustering recommendation; empty for another one."""
    if item.kind != "clustering_key":
        return ""
    shares = {"order of now": item.evidence["partitions_read_share_now"], **item.evidence["shares_of_keys_tried"]}
    axes, figure = _axes(7.0, 0.8 + 0.3 * len(shares))
    axes.barh(
        range(len(shares)), [100 * value for value in shares.values()], color=[_MORE] + [_LESS] * (len(shares) - 1)
    )
    axes.set_yticks(range(len(shares)), list(shares))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the partitions read")
    return _svg(figure)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    """Returns axes and figure of so many inches; drawn without a display.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib, which is not installed: run `make analysis`") from None
    matplotlib.rcParams["svg.hashsalt"] = "optimizer"  # the same report gives the same text
    figure = Figure(figsize=(width, height), layout="tight")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return axes, figure


def _svg(figure: Any) -> str:
    written = StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :]
