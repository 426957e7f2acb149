"""Checks of what the platform keeps of itself: models in production, backups of the state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.connection import shown
from logistics.deployment.backup import Backup, Backups
from logistics.errors import LogisticsError
from logistics.orchestration.checks.problems import Looked, Problem
from logistics.orchestration.checks.site import Site
from logistics.orchestration.drift_words import in_words
from logistics.orchestration.findings import CRITICAL, UNKNOWN, WARNING
from logistics.sql import full_name

BACKUP_WARNING = timedelta(days=7)
BACKUP_CRITICAL = timedelta(days=30)


def models(site: Site) -> Looked:
    """Whether models are in production, how old they are, and whether their last check found drift."""
    if not site.has_table("ML", "MODEL_VERSIONS"):
        yield Problem(UNKNOWN, "ml.model_versions", "the registry is not there", "logistics deploy makes it", 20)
        return ""
    versions = shown(
        site.engineer,
        f"SELECT USE_CASE, VERSION, STAGE, CREATED_AT FROM {full_name(site.database, 'ML', 'MODEL_VERSIONS')}",
    )
    serving = [row for row in versions if str(row["stage"]).lower() == "production"]
    for use_case in sorted({row["use_case"] for row in versions} - {row["use_case"] for row in serving}):
        yield Problem(
            WARNING,
            use_case,
            "no version is in production",
            f"logistics models promote {use_case} promotes one that passes its gates",
            40,
        )
    yield from _old(site, serving)
    yield from _drifted(site, serving)
    return f"{len(serving)} models in production" if versions else "no model was trained yet"


def _old(site: Site, serving: list[dict[str, Any]]) -> Iterator[Problem]:
    for row in serving:
        age = site.now - _utc(row["created_at"])
        if age > timedelta(days=site.settings.platform.models_max_age_days):
            yield Problem(
                WARNING,
                f"{row['use_case']} version {row['version']}",
                f"was trained {age.days} days ago",
                f"logistics models train {row['use_case']} trains one on today's rows",
                45,
            )


def _drifted(site: Site, serving: list[dict[str, Any]]) -> Iterator[Problem]:
    if not serving or not site.has_table("ML", "DRIFT_RESULTS"):
        return
    newest = shown(
        site.engineer,
        "SELECT USE_CASE, VERSION, KIND, FEATURE, STATISTIC, VALUE, THRESHOLD, IS_DRIFTED "
        f"FROM {full_name(site.database, 'ML', 'DRIFT_RESULTS')} "
        "QUALIFY CHECKED_AT = MAX(CHECKED_AT) OVER (PARTITION BY USE_CASE)",
    )
    for served in serving:
        model, version = served["use_case"], served["version"]
        drifted = [row for row in newest if row["is_drifted"] and (row["use_case"], row["version"]) == (model, version)]
        if drifted:
            how = f"logistics models train {model} trains one on today's rows"
            yield Problem(WARNING, f"{model} version {version}", in_words(drifted), how, 60)


def backups(site: Site) -> Looked:
    """Whether the state has a backup that can be read, and how old it is."""
    kept = Backups(site.root, site.settings.stack, site.variables)
    found = kept.all()
    how = f"logistics backup --environment {site.settings.stack} makes one"
    if not found:
        yield Problem(WARNING, "", "the state has no backup", how)
        return ""
    newest, age = found[0], site.now - found[0].made_at
    yield from _unreadable(kept, newest, how)
    if age > BACKUP_WARNING:
        yield Problem(
            CRITICAL if age > BACKUP_CRITICAL else WARNING,
            newest.name,
            f"the newest backup is {age.days} days old",
            how,
        )
    return f"{len(found)} backups, the newest of {newest.made_at:%Y-%m-%d %H:%M} UTC reads back"


def _unreadable(kept: Backups, newest: Backup, how: str) -> Iterator[Problem]:
    try:
        kept.read(newest.name)
    except LogisticsError as error:
        yield Problem(CRITICAL, newest.name, f"the newest backup cannot be read: {error}", how, 90)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
