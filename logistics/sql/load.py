"""Reads every SQL file of the platform."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from logistics.errors import SqlFileError
from logistics.sql.objects import PolicyFile, SqlFiles, SqlObject, StreamFile, TaskFile, ViewFile
from logistics.sql.parse import parse_object
from logistics.sql.placeholders import Values, fill

_T = TypeVar("_T", bound=SqlObject)


def load_sql(root: Path, values: Values) -> SqlFiles:
    """Reads `sql/views`, `sql/policies`, `sql/streams` and `sql/tasks`, one object a file.

    Raises:
        SqlFileError: names the file and the line.
    """
    return SqlFiles(
        views=_objects(root, "views/*/*.sql", "view", values, ViewFile),
        masking_policies=_objects(root, "policies/masking/*.sql", "masking policy", values, PolicyFile),
        row_access_policies=_objects(root, "policies/row_access/*.sql", "row access policy", values, PolicyFile),
        streams=_objects(root, "streams/*.sql", "stream", values, StreamFile),
        tasks=_objects(root, "tasks/*.sql", "task", values, TaskFile),
    )


def _objects(root: Path, pattern: str, kind: str, values: Values, expected: type[_T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for path in sorted((root / "sql").glob(pattern)):
        file = path.relative_to(root)
        sql_object = parse_object(fill(_read(path, root), values, file), file, kind)
        assert isinstance(sql_object, expected)
        if path.stem != sql_object.name.split(".")[1]:
            raise SqlFileError(file, 1, f"declares {sql_object.name}; the file must have its name")
        found[sql_object.name] = sql_object
    return found


def _read(path: Path, root: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SqlFileError(path.relative_to(root), None, "there is no such file") from None
