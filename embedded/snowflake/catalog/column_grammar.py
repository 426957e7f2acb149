"""Column definitions and constraints of CREATE TABLE and ALTER TABLE."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.arguments import read_expression, read_type
from embedded.snowflake.catalog.tables import TableColumn, column_body
from embedded.snowflake.catalog.tags import read_tag_list
from embedded.snowflake.collation import template
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.session import Session

# Words at which a default expression ends.
_CLAUSES = frozenset(
    {
        "AUTOINCREMENT", "CHECK", "COLLATE", "COMMENT", "CONSTRAINT", "FOREIGN", "IDENTITY", "MASKING", "PRIMARY", "PROJECTION",
        "REFERENCES", "TAG", "UNIQUE", "WITH",
    }
)  # fmt: skip
# Flags of a constraint: the words, the property, its value. None of them changes what is enforced: only NOT NULL is.
_FLAGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("NOT", "ENFORCED"), "enforced", "N"),
    (("ENFORCED",), "enforced", "Y"),
    (("NOT", "DEFERRABLE"), "deferrable", "N"),
    (("DEFERRABLE",), "deferrable", "Y"),
    (("INITIALLY", "DEFERRED"), "initially", "DEFERRED"),
    (("INITIALLY", "IMMEDIATE"), "initially", "IMMEDIATE"),
    (("ENABLE",), "enable", "Y"),
    (("DISABLE",), "enable", "N"),
    (("NOVALIDATE",), "validate", "N"),
    (("VALIDATE",), "validate", "Y"),
    (("NORELY",), "rely", "N"),
    (("RELY",), "rely", "Y"),
    (("MATCH", "FULL"), "match", "FULL"),
    (("MATCH", "SIMPLE"), "match", "SIMPLE"),
    (("MATCH", "PARTIAL"), "match", "PARTIAL"),
)
_ACTIONS = (("CASCADE",), ("SET", "NULL"), ("SET", "DEFAULT"), ("RESTRICT",), ("NO", "ACTION"))


@dataclass
class ConstraintDefinition:
    """A constraint as written: columns by name; `table` is the oid of the table referred to, 0 for the one that is being made."""

    type: str
    columns: list[str]
    name: str = ""
    table: int | None = None
    referenced: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass
class ColumnDefinition:
    """A column as written; `using` names the columns of the masking policy's USING list."""

    name: str
    type: DataType | None
    nullable: bool = True
    default: str | None = None
    identity: dict[str, Any] | None = None
    comment: str = ""
    collation: str | None = None
    masking_policy: int | None = None
    using: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    expression: str | None = None
    constraints: list[ConstraintDefinition] = field(default_factory=list)

    def to_column(self, column_id: int) -> TableColumn:
        """The column with its identity; the masking policy is resolved when all columns are known."""
        return TableColumn(
            column_id,
            self.name,
            self.type or VARCHAR,
            self.nullable,
            self.default,
            self.identity,
            self.comment,
            self.collation,
            None,
            self.tags,
            self.expression,
        )


def read_column(session: Session, tokens: TokenStream, *, typed: bool = True) -> ColumnDefinition:
    """Read a column definition; without `typed` the type may be left out (a view's column, a CTAS's)."""
    from embedded.snowflake.catalog.parameters import session_setting

    name = tokens.identifier()
    has_type = typed or (tokens.word() not in (",", ")", "") and tokens.word() not in _CLAUSES)
    mapping = session_setting(session, "TIMESTAMP_TYPE_MAPPING").value if tokens.word() == "TIMESTAMP" else ""
    column = ColumnDefinition(name, read_type(tokens, mapping) if has_type else None)
    while _read_part(session, tokens, column):
        pass
    return column


def _read_part(session: Session, tokens: TokenStream, column: ColumnDefinition) -> bool:
    """Read one clause of a column definition, if one comes next."""
    word = tokens.word()
    if word == "WITH" and tokens.word(1) in ("MASKING", "PROJECTION", "TAG"):
        tokens.next()
        word = tokens.word()
    reader = _PARTS.get(word)
    if reader is not None:
        reader(session, tokens, column)
        return True
    constraint = read_constraint(session, tokens, column.name)
    if constraint is not None:
        column.constraints.append(constraint)
        return True
    return False


def _read_null(_: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    column.nullable = not tokens.accept("NOT")
    tokens.expect("NULL")


def _read_default(_: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.expect("DEFAULT")
    column.default = read_expression(tokens, _CLAUSES)


def collation_of(tokens: TokenStream) -> str | None:
    """Read a collation's specification.

    Raises:
        SnowflakeError: there is no such collation (002101), or it is not done here (000002).
    """
    written = tokens.string()
    template(written)
    return written or None


def _read_collation(_: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.expect("COLLATE")
    column.collation = collation_of(tokens)


def _read_comment(_: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.expect("COMMENT")
    tokens.accept("=")
    column.comment = tokens.string()


def _read_identity(session: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.next()
    start, increment = 1, 1
    if tokens.at("("):
        start, increment = tokens.parenthesized(tokens.number)
    while tokens.word() in ("START", "INCREMENT"):
        word = tokens.next().text.upper()
        tokens.accept("WITH")
        tokens.accept("BY")
        tokens.accept("=")
        start, increment = (tokens.number(), increment) if word == "START" else (start, tokens.number())
    ordered = default_order(session)
    if tokens.word() in ("ORDER", "NOORDER"):
        ordered = tokens.next().text.upper() == "ORDER"
    if increment == 0:
        raise SqlCompilationError("invalid value [0] for parameter 'INCREMENT'", 1008, "22023")
    column.identity = {"start": start, "increment": increment, "order": ordered}


def default_order(session: Session) -> bool:
    """Whether a new sequence is ordered when the statement does not say."""
    from embedded.snowflake.catalog.parameters import session_setting

    return session_setting(session, "NOORDER_SEQUENCE_AS_DEFAULT").value != "true"


def _read_masking(session: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.expect("MASKING", "POLICY")
    column.masking_policy, column.using = read_policy_use(session, tokens)


def read_policy_use(session: Session, tokens: TokenStream) -> tuple[int, list[str]]:
    """Read `policy [USING (column, …)]`: the masking policy's oid and the column names."""
    policy = reach(session, "MASKING POLICY", tokens.name())
    require_apply(session, policy)
    using = tokens.parenthesized(tokens.identifier) if tokens.accept("USING") else []
    return policy.oid, using


def require_apply(session: Session, policy: Any) -> None:
    """Make sure that a policy may be set: APPLY on it or on the account, or ownership (003001)."""
    from embedded.snowflake.security.privileges import require

    require(session, "APPLY", policy)


def _read_tags(session: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    column.tags = read_tag_list(session, tokens)


def _read_expression(_: Session, tokens: TokenStream, column: ColumnDefinition) -> None:
    tokens.expect("AS")
    column.expression = tokens.skip_parenthesis()


def _refuse_projection(*_: Any) -> None:
    raise unsupported("PROJECTION POLICY")


def _refuse_check(*_: Any) -> None:
    raise unsupported("CHECK constraint")


_PARTS: dict[str, Callable[[Any, Any, Any], None]] = {
    "NOT": _read_null,
    "NULL": _read_null,
    "DEFAULT": _read_default,
    "COLLATE": _read_collation,
    "COMMENT": _read_comment,
    "IDENTITY": _read_identity,
    "AUTOINCREMENT": _read_identity,
    "MASKING": _read_masking,
    "TAG": _read_tags,
    "AS": _read_expression,
    "PROJECTION": _refuse_projection,
    "CHECK": _refuse_check,
}


# -- constraints


def read_constraint(session: Session, tokens: TokenStream, column: str | None = None) -> ConstraintDefinition | None:
    """Read a constraint if one comes next; of a column it is written without a column list."""
    name = tokens.identifier() if tokens.accept("CONSTRAINT") else ""
    kind = next(
        (words for words in (("PRIMARY", "KEY"), ("UNIQUE",), ("FOREIGN", "KEY")) if tokens.accept(*words)), None
    )
    if kind is None and not (column is not None and tokens.at("REFERENCES")):
        if name:
            raise tokens.unexpected()
        return None
    constraint = ConstraintDefinition(" ".join(kind or ("FOREIGN", "KEY")), [column] if column else [], name)
    if column is None:
        constraint.columns = tokens.parenthesized(tokens.identifier)
    if tokens.accept("REFERENCES"):
        _read_reference(session, tokens, constraint)
    read_flags(tokens, constraint.properties)
    if column is None and tokens.accept("COMMENT"):
        tokens.accept("=")
        constraint.comment = tokens.string()
    return constraint


def _read_reference(session: Session, tokens: TokenStream, constraint: ConstraintDefinition) -> None:
    name: ObjectName = tokens.name()
    if _is_being_made(tokens, name):
        constraint.table, constraint.referenced = 0, tokens.parenthesized(tokens.identifier)
        return
    table = reach(session, "TABLE", name)
    constraint.table = table.oid
    constraint.referenced = tokens.parenthesized(tokens.identifier) if tokens.at("(") else _primary_key(table.body)


def _is_being_made(tokens: TokenStream, name: ObjectName) -> bool:
    """Whether a name is that of the table which this CREATE TABLE makes."""
    words = tokens.tokens[: tokens.index]
    if words[0].text.upper() != "CREATE":
        return False
    start = next(index for index, token in enumerate(words) if token.text.upper() == "TABLE")
    made = TokenStream(tokens.text, tokens.tokens[start + 1 :])
    made.accept("IF", "NOT", "EXISTS")
    own = made.name()
    return own.name == name.name and (name.schema is None or name.schema == own.schema)


def _primary_key(body: dict[str, Any]) -> list[str]:
    from embedded.snowflake.catalog.tables import column_names

    for constraint in body.get("constraints", []):
        if constraint["type"] == "PRIMARY KEY":
            return column_names(body, constraint["columns"])
    return []


def read_flags(tokens: TokenStream, properties: dict[str, str]) -> None:
    """Read the flags of a constraint into its properties."""
    while True:
        flag = next(((key, value) for words, key, value in _FLAGS if tokens.accept(*words)), None)
        if flag is not None:
            properties[flag[0]] = flag[1]
        elif tokens.word() == "ON" and tokens.word(1) in ("UPDATE", "DELETE"):
            tokens.next()
            event = tokens.next().text.lower()
            action = next((words for words in _ACTIONS if tokens.accept(*words)), None)
            if action is None:
                raise tokens.unexpected()
            properties[f"on_{event}"] = " ".join(action)
        else:
            return


def add_constraint(session: Session, body: dict[str, Any], constraint: ConstraintDefinition) -> None:
    """Put a constraint in a table's body.

    Raises:
        SqlCompilationError: a column of it is not there (000904), the name is taken (002002), or a second primary key.
    """
    known = body.setdefault("constraints", [])
    name = constraint.name or f"SYS_CONSTRAINT_{uuid.uuid4()}"
    if any(item["name"] == name for item in known):
        raise SqlCompilationError(f"Constraint '{name}' already exists.", 2002, "42710")
    if constraint.type == "PRIMARY KEY" and any(item["type"] == "PRIMARY KEY" for item in known):
        raise SqlCompilationError("Primary key already exists for table.", 2201, "42601")
    ids = []
    for column_name in constraint.columns:
        column = column_body(body, column_name)
        ids.append(column["id"])
        if constraint.type == "PRIMARY KEY":
            column["nullable"] = False
    known.append(
        {
            "name": name,
            "type": constraint.type,
            "columns": ids,
            "references": _reference(session, body, constraint),
            "properties": constraint.properties,
            "comment": constraint.comment,
            "created_on": datetime.now(UTC).isoformat(),
        }
    )


def _reference(session: Session, body: dict[str, Any], constraint: ConstraintDefinition) -> dict[str, Any] | None:
    if constraint.table is None:
        return None
    other = session.account.catalog.get(constraint.table).body if constraint.table else body
    ids = [column_body(other, name)["id"] for name in constraint.referenced]
    if len(ids) != len(constraint.columns):
        raise SqlCompilationError(
            "Number of referencing and referenced columns differs in the foreign key.", 2202, "42601"
        )
    return {"table": constraint.table, "columns": ids}


def policy_entry(body: dict[str, Any], policy: int, using: list[str], masked: str) -> dict[str, Any]:
    """A column's masking policy as its table's body holds it: the USING list, the masked column first."""
    names = using or [masked]
    if names[0] != masked:
        raise SqlCompilationError(f"The first column of USING must be the masked column '{masked}'.", 3540, "42601")
    return {"policy": policy, "columns": [column_body(body, name)["id"] for name in names]}


def new_body(
    session: Session, definitions: list[ColumnDefinition], constraints: list[ConstraintDefinition]
) -> dict[str, Any]:
    """The columns' part of a new table's body.

    Raises:
        SqlCompilationError: two columns of one name (002025), or what a constraint or policy names is not there.
    """
    body: dict[str, Any] = {"columns": [], "next_column_id": len(definitions) + 1, "constraints": []}
    seen = set()
    for column_id, definition in enumerate(definitions, 1):
        if definition.name in seen:
            raise SqlCompilationError(f"duplicate column name '{definition.name}'", 2025, "42S21")
        seen.add(definition.name)
        body["columns"].append(definition.to_column(column_id).to_json())
    for definition in definitions:
        if definition.masking_policy is not None:
            from embedded.snowflake.catalog.policies import check_masking

            if definition.type is not None:
                check_masking(session, body, definition.name, definition.masking_policy, definition.using)
            entry = policy_entry(body, definition.masking_policy, definition.using, definition.name)
            column_body(body, definition.name)["masking_policy"] = entry
        constraints = [*constraints, *definition.constraints]
    for constraint in constraints:
        add_constraint(session, body, constraint)
    return body
