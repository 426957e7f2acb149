"""Puts the dashboard's files on its stage, where the Streamlit object in Snowflake finds them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from logistics.connection import shown
from logistics.dashboard.bundle import STAGE, Bundle
from logistics.settings import StackSettings
from logistics.sql import full_name, literal

_SCHEMA = "MONITORING"


def publish(cursor: Any, settings: StackSettings, made: Bundle) -> int:
    """Puts a bundle in its own folder of the stage; returns how many files were put, 0 where they lie there already.

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
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for path, content in made.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            target = "/".join(["@" + stage, made.version, *Path(path).parts[:-1]])
            cursor.execute(f"PUT {literal(f'file://{file}')} {literal(target)} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    return len(made.files)


def open_history(cursor: Any, settings: StackSettings, roles: tuple[str, ...]) -> None:
    """Lets roles read the record of deployments, if there is one yet; the clones beside it stay closed.

    Args:
        cursor: of a session of the schema's owner.
        settings: the stack's.
        roles: their names, without the stack's suffix.
    """
    from logistics.sql import quoted

    database = settings.platform.database
    schema = full_name(database, "DEPLOYMENTS")
    if not shown(cursor, f"SHOW SCHEMAS LIKE 'DEPLOYMENTS' IN DATABASE {quoted(database)}"):
        return
    for role in roles:
        name = quoted(settings.platform.named(role))
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO ROLE {name}")
        cursor.execute(f"GRANT SELECT ON TABLE {schema}.RUNS TO ROLE {name}")
