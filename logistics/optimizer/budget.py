"""Warnings before the daily quota of the monitor is reached: what is used today, and what is to be expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.forecast import LEVEL, Day, Forecast
from logistics.settings import PlatformSettings

NOTIFY, SUSPEND = 0.8, 0.9
"""Shares of the quota at which daily_cost_monitor notifies, and at which it suspends the environment's warehouse."""

_LATELY_DAYS = 14
_UNLIKELY = 0.05


def judge_budget(
    found: Forecast | None, used: float, warehouses: Sequence[str], settings: PlatformSettings
) -> Iterator[Recommendation]:
    """Yields at most one warning: the warehouses under the monitor have reached, or are expected to reach, a share of the quota.

    Args:
        found: what they are expected to use together; None without history.
        used: credits that they used today.
        warehouses: their names.
        settings: the quota.
    """
    name, quota = ", ".join(warehouses), float(settings.daily_credit_quota)
    suspended = [day for day, credits in found.past[-_LATELY_DAYS:] if credits >= SUSPEND * quota] if found else []
    ahead = list(found.days) if found else []
    expected = next((day for day in ahead if day.expected >= NOTIFY * quota), None)
    worst = max(ahead, key=lambda day: _chance(day, SUSPEND * quota), default=None)
    chance = _chance(worst, SUSPEND * quota) if worst else 0.0
    if not suspended and expected is None and chance < _UNLIKELY and used < NOTIFY * quota:
        return
    said = [
        f"today it has used {used:,.1f} credits, {used / quota:.0%} of the quota" if used >= NOTIFY * quota else "",
        f"it was suspended on {len(suspended)} of the last {_LATELY_DAYS} days" if suspended else "",
        f"{expected.expected:,.1f} credits are expected on {expected.date}, {expected.expected / quota:.0%} of the quota"
        if expected
        else "",
        f"on {worst.date} it reaches {SUSPEND:.0%} of the quota with a chance of {chance:.0%}"
        if worst and chance >= _UNLIKELY
        else "",
    ]
    critical = bool(suspended) or used >= SUSPEND * quota or chance >= 0.5
    yield Recommendation(
        category="budget",
        kind="over_quota",
        severity="critical"
        if critical
        else "warning"
        if expected or used >= NOTIFY * quota or chance >= 0.2
        else "info",
        object_type="MONITOR",
        object_name=settings.named("daily_cost_monitor"),
        title=f"{name} comes near its {quota:,.0f} credits a day",
        reason="; ".join(text for text in said if text),
        mend="apply what saves credits on it, or raise dailyCreditQuota: at 90 % the monitor suspends what it watches",
        evidence={
            "warehouses": list(warehouses),
            "daily_credit_quota": quota,
            "credits_today": round(used, 3),
            "days_suspended_lately": len(suspended),
            "first_day_expected_above_80_percent": expected.date.isoformat() if expected else None,
            "chance_to_be_suspended": round(chance, 3),
            "likeliest_day_to_be_suspended": worst.date.isoformat() if worst and chance >= _UNLIKELY else None,
            "forecast_method": found.method if found else None,
            "backtest_wape": round(found.wape, 3) if found and found.wape is not None else None,
        },
        confidence=0.95 if suspended or used >= NOTIFY * quota else 0.8 if found and found.backtest_days else 0.5,
    )


def _chance(day: Day | None, credits: float) -> float:
    """Returns how likely a day reaches so many credits, by the interval of its forecast."""
    if day is None:
        return 0.0
    deviation = (day.high - day.expected) / NormalDist().inv_cdf(0.5 + LEVEL / 2)
    if deviation <= 0:
        return float(day.expected >= credits)
    return 1 - NormalDist(day.expected, deviation).cdf(credits)
