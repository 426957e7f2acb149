"""The procedure and functions of the schema ML, as their files in sql/ say them, with the code of `core` in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from logistics.errors import SqlFileError
from logistics.ml.bundle import bundle
from logistics.sql import identifier, literal
from logistics.sql.header import header

_CREATE = re.compile(r"create or replace (procedure|function) (\w+)\.(\w+)\(([^)]*)\)", re.IGNORECASE)
_HEAD_END = re.compile(r"^(execute as |as$)", re.MULTILINE)
_CODE = "{{ code }}"
_DATABASE = "{{ database }}"
MODULES: Mapping[str, str] = {"run_models": "procedure", "score": "scoring"}
"""The module of `core` that a Python object's code begins with."""


@dataclass(frozen=True, kw_only=True)
class CodeObject:
    """A procedure or function.

    Attributes:
        kind: PROCEDURE or FUNCTION.
        name: upper case, without schema.
        types: of its arguments, upper case.
        statement: creates it in the schema ML of the platform's database.
    """

    kind: str
    schema: str
    name: str
    types: tuple[str, ...]
    comment: str
    statement: str


def load_objects(root: Path, database: str) -> list[CodeObject]:
    """Reads `sql/procedures/ml_*.sql` and `sql/functions/ml_*.sql`; the functions stand in the order in which they call each other.

    Raises:
        SqlFileError: a file is not as the others are; names it.
    """
    paths = [
        *sorted((root / "sql/procedures").glob("ml_*.sql")),
        *sorted((root / "sql/functions").glob("ml_*.sql"), reverse=True),
    ]
    return [_object(path, path.relative_to(root), database) for path in paths]


def _object(path: Path, file: Path, database: str) -> CodeObject:
    text = path.read_text(encoding="utf-8")
    comment = header(text, file, frozenset({"comment"}))["comment"]
    found = _CREATE.search(text)
    if found is None or path.stem != f"{found[2]}_{found[3]}".lower():
        raise SqlFileError(
            file, None, "expected create or replace procedure or function schema.name(…), as the file is named"
        )
    kind, schema, name, arguments = (each.upper() for each in found.groups())
    body = text[found.start() :].rstrip().removesuffix(";")
    code = bundle(MODULES[name.lower()]) if _CODE in body else ""
    body = body.replace(_DATABASE, identifier(database)).replace(_CODE, code)
    body = _HEAD_END.sub(lambda end: f"comment = {literal(comment)}\n{end[0]}", body, count=1)
    place = f"{identifier(database)}.{schema}.{name}"
    return CodeObject(
        kind=kind,
        schema=schema,
        name=name,
        types=tuple(argument.split()[-1] for argument in arguments.split(",") if argument.strip()),
        comment=comment,
        statement=body.replace(f"{found[2]}.{found[3]}(", f"{place}(", 1),
    )
