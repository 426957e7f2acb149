"""Tables, their constraints and the masking policies on their columns."""

import re
from collections.abc import Iterator
from typing import Any

from embedded.provider import datatypes, literals, names
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, Flag, Rename, Settings, Text, like
from embedded.provider.operation import Operation

Column = dict[str, Any]


def _default(value: dict[str, Any] | None) -> str:
    """Return what stands behind DEFAULT, empty without one."""
    if not value:
        return ""
    if value.get("expression"):
        return str(value["expression"])
    if value.get("sequence"):
        return literals.identifier(value["sequence"]) + ".NEXTVAL"
    constant = value.get("constant")
    return "" if constant is None else str(constant)


def _definition(column: Column, *, adding: bool = False) -> str:
    """Return a column as CREATE TABLE writes it; ``adding`` as ALTER TABLE … ADD COLUMN does."""
    type_, collate = str(column["type"]), column.get("collate") or ""
    is_text = datatypes.parse(type_).kind == "VARCHAR"
    pieces = [names.quote(column["name"]), type_]
    if collate or (is_text and not adding):
        pieces.append(f"COLLATE {literals.text(collate)}")
    if column.get("nullable") is False:
        pieces.append("NOT NULL")
    pieces += _generated(column, type_)
    if column.get("masking_policy"):
        pieces.append(f"MASKING POLICY {literals.identifier(column['masking_policy'])}")
    if column.get("comment") or not adding:
        pieces.append(f"COMMENT {literals.text(column.get('comment') or '')}")
    return " ".join(pieces)


def _generated(column: Column, type_: str) -> list[str]:
    if column.get("default"):
        constant = (column["default"] or {}).get("constant")
        quoted = constant is not None and datatypes.parse(type_).kind == "VARCHAR"
        return [f"DEFAULT {literals.text(constant) if quoted else _default(column['default'])}"]
    if column.get("identity"):
        return [
            f"IDENTITY START {column['identity'].get('start_num', 1)} INCREMENT {column['identity'].get('step_num', 1)}"
        ]
    return []


def _columns(op: Operation) -> str:
    return "(" + ", ".join(_definition(column) for column in op.inputs.get("column")) + ")"


def _cluster(op: Operation) -> str:
    keys = op.value("cluster_by")
    return f"CLUSTER BY ({', '.join(keys)})" if keys else ""


def _cluster_change(op: Operation) -> Iterator[str]:
    if "cluster_by" in op.changes:
        yield f"ALTER TABLE {op.fqn} {_cluster(op) or 'DROP CLUSTERING KEY'}"


def _tag_name(op: Operation, tag: dict[str, Any]) -> str:
    return names.full(tag.get("database") or op.parts[0], tag.get("schema") or op.parts[1], tag["name"])


def _tags(op: Operation) -> str:
    tags = op.value("tag")
    return (
        "TAG (" + ", ".join(f"{_tag_name(op, tag)} = {literals.text(tag['value'])}" for tag in tags) + ")"
        if tags
        else ""
    )


def tag_change(alter: str) -> Any:
    """Return a step that sets and unsets an object's tags with ``ALTER <alter>``."""

    def make(op: Operation) -> Iterator[str]:
        if "tag" not in op.changes:
            return
        old = {_tag_name(op, tag): tag["value"] for tag in op.old.get("tag") or []}
        new = {_tag_name(op, tag): tag["value"] for tag in op.value("tag") or []}
        removed = [tag for tag in old if tag not in new]
        added = [f"{tag} = {literals.text(value)}" for tag, value in new.items() if old.get(tag) != value]
        if removed:
            yield f"ALTER {alter} {op.fqn} UNSET TAG {', '.join(removed)}"
        if added:
            yield f"ALTER {alter} {op.fqn} SET TAG {', '.join(added)}"

    return make


def _column_changes(op: Operation) -> Iterator[str]:
    """Yield what brings the columns from old to new: dropped, added, then changed ones."""
    if "column" not in op.changes:
        return
    old = {column["name"]: column for column in op.old.get("column") or []}
    new = {column["name"]: column for column in op.inputs.get("column")}
    dropped = [names.quote(name) for name in old if name not in new]
    if dropped:
        yield f"ALTER TABLE {op.fqn} DROP COLUMN {', '.join(dropped)}"
    for name, column in new.items():
        if name not in old:
            yield f"ALTER TABLE {op.fqn} ADD COLUMN {_definition(column, adding=True)}"
    for name, column in new.items():
        if name in old:
            for change in _column_change(op, old[name], column):
                yield f"ALTER TABLE {op.fqn} ALTER COLUMN {names.quote(name)} {change}"


def _column_change(op: Operation, old: Column, new: Column) -> Iterator[str]:
    collate = new.get("collate") or ""
    if not datatypes.same(old["type"], new["type"]) or (old.get("collate") or "") != collate:
        yield f"SET DATA TYPE {new['type']}" + (f" COLLATE {literals.text(collate)}" if collate else "")
    before, after = old.get("nullable", True), new.get("nullable", True)
    if before != after:
        yield "DROP NOT NULL" if after else "SET NOT NULL"
    if _default(old.get("default")) != _default(new.get("default")):
        if _default(new.get("default")):
            raise StatementError(
                0,
                "",
                f"column {new['name']}: Snowflake cannot set or change a default in place",
                f"ALTER TABLE {op.fqn}",
            )
        yield "DROP DEFAULT"
    if (old.get("comment") or "") != (new.get("comment") or ""):
        yield f"COMMENT {literals.text(new['comment'])}" if new.get("comment") else "UNSET COMMENT"
    policy = new.get("masking_policy") or ""
    if not names.same(old.get("masking_policy") or "", policy):
        yield f"SET MASKING POLICY {literals.identifier(policy)} FORCE" if policy else "UNSET MASKING POLICY"


def _primary_key(op: Operation) -> Iterator[str]:
    if "primary_key" not in op.changes:
        return
    if op.old.get("primary_key"):
        yield f"ALTER TABLE {op.fqn} DROP PRIMARY KEY"
    new = op.value("primary_key")
    if new:
        name = f"CONSTRAINT {names.quote(new['name'])} " if new.get("name") else ""
        yield f"ALTER TABLE {op.fqn} ADD {name}PRIMARY KEY ({', '.join(names.quote(key) for key in new['keys'])})"


# -- reading -----------------------------------------------------------------------------------------------------------

_IDENTITY = re.compile(r"IDENTITY START (-?\d+) INCREMENT (-?\d+)")


def read_column(row: dict[str, Any]) -> Column:
    """Return a row of DESCRIBE TABLE as a column of the resource."""
    type_ = columns.text(row.get("type"))
    collate = re.search(r"\s+COLLATE\s+'([^']*)'", type_)
    column: Column = {
        "name": columns.text(row.get("name")),
        "type": type_[: collate.start()] if collate else type_,
        "collate": collate.group(1) if collate else "",
        "nullable": columns.flag(row.get("null?")),
        "comment": columns.text(row.get("comment")),
        "masking_policy": columns.text(row.get("policy name")),
        "schema_evolution_record": columns.text(row.get("schema evolution record")),
    }
    column.update(_read_default(columns.text(row.get("default")), column["type"]))
    return column


def _read_default(text: str, type_: str) -> dict[str, Any]:
    if not text:
        return {}
    identity = _IDENTITY.search(text)
    if identity:
        return {"identity": {"start_num": int(identity.group(1)), "step_num": int(identity.group(2))}}
    if text.endswith(".NEXTVAL"):
        return {"default": {"sequence": text.removesuffix(".NEXTVAL")}}
    if "(" in text and ")" in text:
        return {"default": {"expression": text}}
    constant = text[1:-1].replace("''", "'") if datatypes.parse(type_).kind == "VARCHAR" and text[:1] == "'" else text
    return {"default": {"constant": constant}}


def _match_columns(op: Operation, read: list[Column]) -> list[Column]:
    """Return the read columns in the order and the spelling of the last known ones, where these mean the same."""
    known = {column.get("name"): column for column in op.state.get("column") or []}
    result = []
    for column in read:
        before = known.get(column["name"])
        if before:
            column = dict(column)
            if datatypes.same(before.get("type"), column["type"]):
                column["type"] = before["type"]
            if names.same(before.get("masking_policy") or "", column["masking_policy"]):
                column["masking_policy"] = before.get("masking_policy") or ""
        result.append(column)
    return result


def _read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    read = [read_column(each) for each in found.describe if columns.text(each.get("kind")) in ("COLUMN", "")]
    state.set("column", _match_columns(op, read))
    state.set("cluster_by", cluster_keys(columns.text(row.get("cluster_by"))))
    state.set("change_tracking", columns.flag(row.get("change_tracking")))
    state.set("owner", columns.text(row.get("owner")))
    own, inherited = (
        columns.whole(row.get("retention_time")),
        columns.whole(found.other["schema"][0].get("retention_time")),
    )
    if op.importing or state.get("data_retention_time_in_days") not in (None, -1) or own != inherited:
        state.set("data_retention_time_in_days", own)


def cluster_keys(text: str) -> list[str]:
    """Return the keys of ``LINEAR(A, SUBSTRING(B, 1, 2))``, split at the outer commas."""
    content = re.sub(r"^LINEAR\s*\((.*)\)$", r"\1", text.strip(), flags=re.DOTALL)
    if content == text.strip() and content.startswith("("):
        content = content[1:-1]
    keys, depth, start = [], 0, 0
    for index, letter in enumerate(content):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            keys.append(content[start:index].strip())
            start = index + 1
    return [*keys, content[start:].strip()] if content else []


class TableKind(Kind):
    """A table; its read also asks for the schema, whose retention the table's own is compared with."""

    def look_closer(self, op: Operation, found: Found) -> None:
        """Ask for the schema, then for the columns."""
        database, schema = op.parts[:2]
        place = f"IN DATABASE {names.quote(database)}"
        rows = op.show("SCHEMAS", schema, f"SHOW SCHEMAS LIKE {like(schema)} {place}", f"SHOW SCHEMAS {place}", place)
        row = next((row for row in rows if row["name"] == schema), {})
        found.other = {"schema": [row]}
        found.describe = op.run(f"DESCRIBE TABLE {op.fqn} TYPE = COLUMNS")


_SETTINGS = (
    Clause("data_retention_time_in_days", "DATA_RETENTION_TIME_IN_DAYS", literals.raw),
    Clause("change_tracking", "CHANGE_TRACKING", literals.raw),
)
TABLE = TableKind(
    name="Table",
    sql="TABLE",
    plural="TABLES",
    levels=3,
    id_form="pipes",
    body=(
        Text(_columns),
        Text(_cluster),
        _SETTINGS[0],
        Flag("change_tracking", "CHANGE_TRACKING = true"),
        Text(_tags),
        COMMENT,
    ),
    steps=(
        Rename(),
        Settings((*_SETTINGS, COMMENT)),
        Custom(_cluster_change),
        Custom(_column_changes),
        Custom(_primary_key),
        Custom(tag_change("TABLE")),
    ),
    fields={"comment": Field("comment")},
    read_more=_read,
)

# -- constraints -------------------------------------------------------------------------------------------------------

_SEPARATOR = "\u2744\ufe0f"  # the snowflake that the official plugin separates the parts of these ids with


def _table_name(table_id: str) -> str:
    return names.full(*table_id.split("|")) if "|" in table_id else names.requote(table_id)


class ConstraintKind(Kind):
    """A constraint of a table; Snowflake is never asked for it, as officially."""

    def fqn(self, op: Operation) -> str:
        """Return the constraint's name as the statements write it: without quotes."""
        return str(op.inputs.get("name") or op.old.get("name"))

    def create(self, op: Operation) -> None:
        """Add the constraint to its table."""
        value = op.inputs.get
        pieces = [
            f"ALTER TABLE {_table_name(value('table_id'))} ADD CONSTRAINT {value('name')}",
            str(value("type")).upper(),
        ]
        pieces.append("(" + ", ".join(names.quote(name) for name in value("columns")) + ")")
        pieces += _references(value("foreign_key_properties"))
        words = {"enforced": "ENFORCED", "deferrable": "DEFERRABLE"}
        pieces += [word for key, word in words.items() if value(key)]
        if value("initially"):
            pieces.append(f"INITIALLY {value('initially')}")
        pieces += [
            word for key, word in {"enable": "ENABLE", "validate": "VALIDATE", "rely": "RELY"}.items() if value(key)
        ]
        op.write(" ".join(pieces))
        op.id = _SEPARATOR.join((value("name"), str(value("type")).upper(), value("table_id")))

    def undo(self, op: Operation) -> None:
        """Drop the constraint, if it is there."""
        op.write(f"ALTER TABLE {_table_name(op.inputs.get('table_id'))} DROP CONSTRAINT {op.inputs.get('name')}")

    def update(self, op: Operation) -> None:
        """Keep a changed name or comment in the state only, as officially."""

    def delete(self, op: Operation) -> None:
        """Drop the constraint; one that is gone counts as dropped."""
        name, _, table = op.id.split(_SEPARATOR)
        try:
            op.write(f"ALTER TABLE {_table_name(table)} DROP CONSTRAINT {name}")
        except StatementError as error:
            if "does not exist" not in error.reason:
                raise

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the id as the only part."""
        return (id_,)

    def read(self, op: Operation) -> bool:
        """Take the state as it is."""
        if op.importing and op.id.count(_SEPARATOR) == 2:
            name, type_, table = op.id.split(_SEPARATOR)
            for key, value in (("name", name), ("type", type_), ("table_id", table)):
                op.state.set(key, value)
        return True


def _references(given: dict[str, Any] | None) -> list[str]:
    if not given:
        return []
    target = given["references"]
    listed = ", ".join(names.quote(name) for name in target["columns"])
    pieces = [f"REFERENCES {_table_name(target['table_id'])} ({listed})", f"MATCH {given.get('match', 'FULL')}"]
    pieces.append(f"ON UPDATE {str(given.get('on_update', 'NO ACTION')).upper()}")
    return [*pieces, f"ON DELETE {str(given.get('on_delete', 'NO ACTION')).upper()}"]


TABLE_CONSTRAINT = ConstraintKind(name="TableConstraint", sql="CONSTRAINT", plural="CONSTRAINTS", levels=1)


class MaskedColumnKind(Kind):
    """A masking policy on a column."""

    def parts_of_inputs(self, op: Operation) -> tuple[str, ...]:
        """Return the table's parts and the column."""
        return (*names.parse(op.inputs.get("table")), op.inputs.get("column"))

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the table's parts and the column."""
        parts = names.parse(id_)
        if len(parts) != 4:
            raise ValueError(
                f'invalid id of a {self.name}: {id_}; it has to look like "DATABASE"."SCHEMA"."TABLE"."COLUMN"'
            )
        return parts

    def subject(self, op: Operation) -> str:
        """Return the table, whose description answers for all its columns."""
        return names.full(*op.parts[:3])

    def create(self, op: Operation) -> None:
        """Set the policy."""
        op.parts = self.parts_of_inputs(op)
        self._modify(op, f"SET MASKING POLICY {literals.identifier(op.inputs.get('masking_policy'))}")
        op.id = names.full(*op.parts)

    def delete(self, op: Operation) -> None:
        """Unset the policy."""
        self._modify(op, "UNSET MASKING POLICY")

    def _modify(self, op: Operation, words: str) -> None:
        table, column = names.full(*op.parts[:3]), names.quote(op.parts[3])
        op.write(f"ALTER TABLE IF EXISTS {table} MODIFY COLUMN {column} {words};")

    def read(self, op: Operation) -> bool:
        """Read which policy the column has; False when the table, the column or the policy is gone."""
        table = names.full(*op.parts[:3])
        try:
            rows = op.show("MASKED COLUMNS", table, f"DESCRIBE TABLE {table} TYPE = COLUMNS;", None)
        except StatementError as error:
            if error.missing:
                return False
            raise
        row = next((row for row in rows if row.get("name") == op.parts[3]), None)
        policy = columns.text(row.get("policy name")) if row else ""
        if not policy:
            return False
        before = op.state.get("masking_policy")
        op.state.set("table", op.state.get("table") or table)
        op.state.set("column", op.parts[3])
        op.state.set("masking_policy", before if names.same(before, policy) else literals.identifier(policy))
        return True


TABLE_COLUMN_MASKING_POLICY_APPLICATION = MaskedColumnKind(
    name="TableColumnMaskingPolicyApplication", sql="TABLE", plural="MASKED COLUMNS", levels=3
)

KINDS = (TABLE, TABLE_CONSTRAINT, TABLE_COLUMN_MASKING_POLICY_APPLICATION)
