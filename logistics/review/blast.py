"""What hangs on what is changed: models, views, streams, tasks, checks, features and the dashboard's tiles, down to columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from logistics.contracts import Column, TableContract
from logistics.declarations import Declarations, local_name
from logistics.modelling import ColumnRef
from logistics.modelling.row_tests import RowTest, load_row_tests
from logistics.review.plans import Side

_FEATURES = "ml_features"
_DROPPED, _NEW = "is dropped", "is new"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """An object of sql/ that differs.

    Attributes:
        kind: table, model, view, masking policy, row access policy, stream or task.
        name: `schema.name`.
        what: in words.
        columns: those that change; empty where the change is not one of columns, or of all of them.
        reaches: whether what reads it may meet other rows, values or names.
    """

    kind: str
    name: str
    what: str
    columns: tuple[str, ...] = ()
    reaches: bool = True


@dataclass(frozen=True, kw_only=True)
class Radius:
    """What a change reaches; names sorted, a kind without any left out.

    Attributes:
        changed: what differs, and how.
        columns: columns that are computed from those that change, as `schema.table.column`.
        reached: names by kind: models, views, streams, tasks, checks, features, dashboard.
    """

    changed: tuple[Changed, ...] = ()
    columns: tuple[str, ...] = ()
    reached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def radius_of(base: Side, head: Side) -> Radius:
    """Returns what differs between two sides and what hangs on it, by either side's lineage.

    Raises:
        FileError: a side's SQL tests are broken.
    """
    changed = tuple(sorted(_changed(base, head), key=lambda each: (each.kind, each.name)))
    refs = {ref for each in changed for ref in _refs(each, base.declared, head.declared)}
    # What changes as a whole reaches all that reads it; a column or its mask what is computed from it.
    whole = {each.name for each in changed if each.reaches and not each.columns and not each.kind.endswith("policy")}
    whole |= {each.name for each in changed if each.what == _DROPPED}
    whole |= {
        ref.table
        for each in changed
        if each.kind == "row access policy"
        for ref in _refs(each, base.declared, head.declared)
    }
    tables = {each.name for each in changed if each.kind == "table"}
    columns: set[ColumnRef] = set()
    reached: dict[str, set[str]] = {}
    for side in (base, head):
        impact = {found for ref in refs for found in side.declared.models.impact(ref)}
        columns |= impact
        for kind, found in _reached(side, whole, tables, refs | impact):
            reached.setdefault(kind, set()).update(found)
    own = {each.name for each in changed}
    direct = {
        ref for each in changed if not each.kind.endswith("policy") for ref in _refs(each, base.declared, head.declared)
    }
    return Radius(
        changed=changed,
        columns=tuple(sorted(map(str, (columns | refs) - direct))),
        reached={kind: tuple(sorted(found - own)) for kind, found in sorted(reached.items()) if found - own},
    )


def _changed(base: Side, head: Side) -> Iterator[Changed]:
    old, new = base.declared, head.declared
    renamed = _renamed(old, new)
    yield from _tables_changed(base, head, renamed)
    for kind, before, after in (
        ("view", old.sql.views, new.sql.views),
        ("masking policy", old.sql.masking_policies, new.sql.masking_policies),
        ("row access policy", old.sql.row_access_policies, new.sql.row_access_policies),
        ("stream", old.sql.streams, new.sql.streams),
        ("task", old.sql.tasks, new.sql.tasks),
    ):
        for name in sorted({*before, *after}):
            there, comes = before.get(name), after.get(name)
            if there is None or comes is None:
                yield Changed(kind=kind, name=name, what=_DROPPED if there else _NEW)
                continue
            texts = _bare(there.body, base), _bare(comes.body, head)
            if not _same(*texts, renamed):
                said, columns = _query_change(*texts) if kind == "view" else ("says something else", ())
                yield Changed(kind=kind, name=name, what=said, columns=columns)
            elif _told(there, base) != _told(comes, head):
                yield Changed(kind=kind, name=name, what="has other settings")


def _renamed(old: Declarations, new: Declarations) -> dict[str, str]:
    """Returns the new names of columns that a change renames, by old ones."""
    found: dict[str, str] = {}
    for name in {*old.tables} & {*new.tables}:
        before, after = old.tables[name], new.tables[name]
        names = {column.name for column in before.columns}
        found |= {str(c.renamed_from): c.name for c in after.columns if c.renamed_from in names and c.name not in names}
    return found


def _same(old: str, new: str, renamed: Mapping[str, str]) -> bool:
    """Whether two texts say the same, but for columns that have new names."""
    if old == new:
        return True
    for before, after in renamed.items():
        old, new = (re.sub(rf"\b{re.escape(before)}\b", after, text) for text in (old, new))
    return old == new


def _told(each: object, side: Side) -> dict[str, object]:
    """Returns an object's words but for its body, its file and the tables in it, which follow from the body."""
    left_out = ("file", "body", "reads", "comment")
    return {key: _bare(str(value), side) for key, value in vars(each).items() if key not in left_out}


def _bare(text: str, side: Side) -> str:
    """Returns a text without the database's name, which is no difference of its own."""
    return re.sub(rf"\b{re.escape(side.settings.platform.database)}\.", "", text, flags=re.IGNORECASE)


def _tables_changed(base: Side, head: Side, renamed: Mapping[str, str]) -> Iterator[Changed]:
    old, new = base.declared, head.declared
    for name in sorted({*old.tables, *new.tables}):
        before, after = old.tables.get(name), new.tables.get(name)
        if before is None or after is None:
            there = before or after
            assert there is not None
            columns = tuple(column.name for column in there.columns) if before else ()
            yield Changed(kind="table", name=name, what=_DROPPED if before else _NEW, columns=columns)
            continue
        yield from _columns_changed(name, before, after)
        for key, said in _TABLE_KEYS.items():
            if (values := [getattr(contract, key, None) for contract in (before, after)])[0] != values[1]:
                yield Changed(
                    kind="table",
                    name=name,
                    what=f"{said}: {_word(values[0])} → {_word(values[1])}",
                    reaches=key in _REACHING,
                )
    models_before, models_after = old.models.models, new.models.models
    for name in sorted({*models_before} & {*models_after} & {*old.tables}):
        texts = _bare(models_before[name].query, base), _bare(models_after[name].query, head)
        if not _same(*texts, renamed):
            said, columns = _query_change(*texts)
            yield Changed(kind="model", name=name, what=said, columns=columns)


_REACHING = frozenset({"row_access_policy", "primary_key", "materialization"})
_TABLE_KEYS = {
    "row_access_policy": "row access policy",
    "cluster_by": "clustered by",
    "retention_days": "days of Time Travel",
    "primary_key": "primary key",
    "change_tracking": "change tracking",
    "readers": "readers",
    "materialization": "kept as",
}


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value in (None, "") else str(value)


def _columns_changed(name: str, before: TableContract, after: TableContract) -> Iterator[Changed]:
    old, new = ({column.name: column for column in contract.columns} for contract in (before, after))
    renamed = {str(c.renamed_from): c.name for c in after.columns if c.renamed_from in old and c.name not in old}
    for column, contract in old.items():
        if column in renamed:
            yield Changed(
                kind="table",
                name=name,
                what=f"{column} is renamed to {renamed[column]}",
                columns=(column, renamed[column]),
            )
        elif column not in new:
            yield Changed(kind="table", name=name, what=f"{column} is dropped with its values", columns=(column,))
        else:
            yield from _column_changed(name, contract, new[column])
    for column in new:
        if column not in old and column not in renamed.values():
            yield Changed(kind="table", name=name, what=f"{column} is new", columns=(column,))


def _column_changed(name: str, before: Column, after: Column) -> Iterator[Changed]:
    for key, said in (("type", "type"), ("masking_policy", "mask"), ("pii", "PII tag"), ("nullable", "nullable")):
        old, new = getattr(before, key), getattr(after, key)
        if old != new:
            yield Changed(
                kind="table",
                name=name,
                what=f"{said} of {after.name}: {_word(old)} → {_word(new)}",
                columns=(after.name,),
            )


def _query_change(before: str, after: str) -> tuple[str, tuple[str, ...]]:
    """Returns what a changed query means: only some of its columns are computed otherwise, or its rows may be others."""
    try:
        old, new = (parse_one(text, dialect="snowflake") for text in (before, after))
    except SqlglotError:
        return "its query says something else", ()
    if not (isinstance(old, exp.Query) and isinstance(new, exp.Query)):
        return "it says something else", ()
    if old == new:
        return "its query is written otherwise, and says the same", ()
    first, second = ({each.alias_or_name.lower(): each for each in tree.selects} for tree in (old, new))
    for tree in (old, new):
        if isinstance(tree, exp.Select):
            tree.set("expressions", [])
    differing = tuple(sorted(name for name in {*first, *second} if first.get(name) != second.get(name)))
    if old == new and differing:
        return f"{', '.join(differing)}: computed otherwise", differing
    return "its query gives other rows or values", ()


def _refs(each: Changed, old: Declarations, new: Declarations) -> set[ColumnRef]:
    """Returns the columns that a change concerns."""
    if each.kind == "masking policy":
        return {ref for declared in (old, new) for ref in _masked_by(each.name, declared)}
    if each.kind == "row access policy":
        return {ref for declared in (old, new) for ref in _filtered_by(each.name, declared)}
    names = each.columns
    if not names and each.kind in ("model", "view"):
        names = tuple(c for declared in (old, new) for c in _columns_of(each.name, declared))
    return {ColumnRef(table=each.name, column=name) for name in names}


def _columns_of(name: str, declared: Declarations) -> list[str]:
    model = declared.models.models.get(name)
    return [column.name for column in model.columns] if model else []


def _masked_by(policy: str, declared: Declarations) -> Iterator[ColumnRef]:
    short = policy.split(".")[-1]
    for name, contract in declared.models.kept.items():
        for column in contract.columns:
            tagged = bool(column.pii) and not column.masking_policy and short in declared.access.tag_masks
            if column.masking_policy == short or tagged:
                yield ColumnRef(table=name, column=column.name)


def _filtered_by(policy: str, declared: Declarations) -> Iterator[ColumnRef]:
    short = policy.split(".")[-1]
    for name, contract in declared.models.kept.items():
        if contract.row_access_policy == short and contract.policy_column:
            yield ColumnRef(table=name, column=contract.policy_column)


def _reached(side: Side, whole: set[str], tables: set[str], refs: set[ColumnRef]) -> Iterator[tuple[str, set[str]]]:
    """Yields what one side has behind a change, by kind.

    Args:
        side: whose lineage counts.
        whole: objects that change as a whole.
        tables: tables whose columns or properties change, which their streams meet.
        refs: columns that change, and those computed from them.
    """
    declared, database = side.declared, side.settings.platform.database
    behind = _behind(declared, database, whole) | {ref.table for ref in refs}
    models = {name for name in behind if name in declared.models.models}
    yield "models", {name for name in models if not name.startswith(f"{_FEATURES}.")}
    yield "features", {name for name in models if name.startswith(f"{_FEATURES}.")}
    yield "views", {name for name in behind if name in declared.sql.views} - models
    streams = {s.name for s in declared.sql.streams.values() if s.table in whole | tables or s.name in whole}
    yield "streams", streams
    yield "tasks", {t.name for t in declared.sql.tasks.values() if _mentions(f"{t.when} {t.body}", whole | streams)}
    yield "checks", {test.name for test in load_row_tests(side.root, side.settings) if _tests(test, whole, refs)}
    yield "dashboard", {tile for tile, text in tiles(side.root).items() if _mentions(text, whole | behind)}


def _behind(declared: Declarations, database: str, names: Iterable[str]) -> set[str]:
    """Returns the models and views that read some objects, also through others."""
    reads = {name: set(model.reads) for name, model in declared.models.models.items()}
    for view in declared.sql.views.values():
        reads.setdefault(view.name, set()).update(local_name(name, database) for name in view.reads)
    found, pending = set[str](), list(names)
    while pending:
        current = pending.pop()
        more = {name for name, read in reads.items() if current in read and name not in found}
        found |= more
        pending.extend(more)
    return found


def _tests(test: RowTest, whole: set[str], refs: set[ColumnRef]) -> bool:
    """Whether a SQL test asks for an object that changes as a whole, or for a column that changes or is computed from one."""
    return _mentions(test.query, whole) or any(
        _mentions(test.query, {ref.table}) and re.search(rf"\b{re.escape(ref.column)}\b", test.query, re.IGNORECASE)
        for ref in refs
    )


def _mentions(text: str, names: Iterable[str]) -> bool:
    lower = text.lower()
    return any(re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$.])", lower.replace('"', "")) for name in names)


def tiles(root: Path) -> dict[str, str]:
    """Returns the dashboard's named queries with their SQL; read as text, since the dashboard is no library of this one."""
    found: dict[str, str] = {}
    for path in sorted((root / "dashboard").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                found |= dict(_queries(node))
    return found


def _queries(node: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(value, ast.Call):
            texts = [
                each.value for each in ast.walk(value) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if any(re.search(r"\bselect\b", text, re.IGNORECASE) for text in texts):
                yield key.value, " ".join(texts)
