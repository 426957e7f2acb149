"""Puts the dashboard's files on its stage, where the Streamlit object in Snowflake finds them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from logistics.connection import shown
from logistics.dashboard.bundle import STAGE, Bundle
from logistics.settings import StackSettings
from logistics.sql import full_name, literal, quoted

_SCHEMA = "MONITORING"
HISTORY_READERS = ("DATA_ENGINEER", "DASHBOARD")
"""The roles that read the record of deployments."""


def publish(cursor: Any, settings: StackSettings, made: Bundle) -> str:
    """Puts a bundle in its own folder of the stage, unless it lies there; returns what was done, for people.

    Args:
        cursor: of a session that may write to the stage.
        settings: the stack's.
        made: the files.

    Raises:
        LogisticsError: Snowflake refuses (through the session's `with` block).
    """
    stage = full_name(settings.platform.database, _SCHEMA, STAGE)
    listed = shown(cursor, f"LIST {literal(f'@{stage}/{made.version}/')}")
    if len(listed) == len(made.files):
        return f"version {made.version} unchanged"
    for folder in sorted({str(Path(path).parent) for path in made.files}):
        _put_folder(cursor, f"@{stage}/{made.version}" + ("" if folder == "." else f"/{folder}"), made, folder)
    return f"version {made.version}, {len(made.files)} files put on its stage"


def _put_folder(cursor: Any, target: str, made: Bundle, folder: str) -> None:
    """Puts the files of one folder, without those below it, by one statement."""
    with tempfile.TemporaryDirectory() as flat:
        for path, content in made.files.items():
            if str(Path(path).parent) == folder:
                Path(flat, Path(path).name).write_bytes(content)
        cursor.execute(f"PUT {literal(f'file://{flat}/*')} {literal(target)} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")


def open_history(cursor: Any, settings: StackSettings) -> None:
    """Lets engineers and the dashboard read the record of deployments, if there is one; the clones beside it stay closed.

    The schema is made by the first deployment and is no part of the program, so these grants are none either.
    """
    database = settings.platform.database
    schema = full_name(database, "DEPLOYMENTS")
    if not shown(cursor, f"SHOW SCHEMAS LIKE 'DEPLOYMENTS' IN DATABASE {quoted(database)}"):
        return
    for role in HISTORY_READERS:
        name = quoted(settings.platform.named(role))
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO ROLE {name}")
        cursor.execute(f"GRANT SELECT ON TABLE {schema}.RUNS TO ROLE {name}")
