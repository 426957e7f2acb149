"""Until when one can go back to a version with all its rows: what later versions took away is kept for some days only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.connection import shown
from logistics.deployment.context import Context
from logistics.deployment.runs import Run
from logistics.deployment.safety import KEEP_DAYS, SCHEMA
from logistics.deployment.versions import Version
from logistics.errors import ConnectionFailed, LogisticsError
from logistics.sql import full_name


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A run that took something away and kept it: of which version, and when."""

    version: int
    at: datetime

    @property
    def kept_until(self) -> datetime:
        """When what was kept expires."""
        return self.at + timedelta(days=KEEP_DAYS)


def horizons(context: Context, versions: Sequence[Version]) -> dict[int, datetime | None]:
    """Returns, by version, until when it comes back with all its rows and offsets; None where nothing was taken away since.

    The account's own record is asked; where it cannot be reached, this machine's runs tell what they know.
    """
    found = {_key(removal): removal for removal in _of_runs(context.runs.all())}
    try:
        found |= {_key(removal): removal for removal in _of_account(context)}
    except LogisticsError as error:
        if not isinstance(error, ConnectionFailed):
            raise
    return kept_until(versions, found.values())


def kept_until(versions: Iterable[Version], removals: Iterable[Removal]) -> dict[int, datetime | None]:
    """Returns for each version the first expiry of anything that was taken away from it or from a later one."""
    known = list(removals)
    return {
        version.number: min((each.kept_until for each in known if each.version >= version.number), default=None)
        for version in versions
    }


def in_words(until: datetime | None, now: datetime) -> str:
    """Returns how far one can go back: `always`, a time, or that rows are gone."""
    if until is None:
        return "always"
    return f"{until:%Y-%m-%d %H:%M}" if until > now else "without rows"


def _of_runs(runs: Iterable[Run]) -> Iterable[Removal]:
    for run in runs:
        if run.details.get("kept") and run.version_before:
            yield Removal(version=run.version_before, at=datetime.fromisoformat(run.started_at))


def _of_account(context: Context) -> list[Removal]:
    with context.cursor() as cursor:
        there = shown(cursor, f"SHOW TABLES LIKE 'RUNS' IN DATABASE {full_name(context.database)}")
        if not any(table["schema_name"] == SCHEMA for table in there):
            return []
        rows = shown(
            cursor,
            f"SELECT VERSION_BEFORE, STARTED_AT, DETAILS:kept AS KEPT FROM {full_name(context.database, SCHEMA, 'RUNS')} "
            "WHERE VERSION_BEFORE IS NOT NULL",
        )
    return [
        Removal(version=int(row["version_before"]), at=row["started_at"].astimezone(UTC)) for row in rows if _any(row)
    ]


def _any(row: Mapping[str, Any]) -> bool:
    kept = row["kept"]
    return bool(json.loads(kept) if isinstance(kept, str) else kept)


def _key(removal: Removal) -> tuple[int, int]:
    """Tells one run in the account's record and in this machine's."""
    return removal.version, int(removal.at.timestamp())
