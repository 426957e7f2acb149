"""ALTER TABLE in the forms that only tables (and what else carries columns) have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.column_grammar import (
    ColumnDefinition,
    add_constraint,
    policy_entry,
    read_column,
    read_constraint,
    read_flags,
)
from embedded.snowflake.catalog.descriptions.tables import read_cluster_by
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import attach_row_access, check_columns_free, check_masking, read_row_access
from embedded.snowflake.catalog.tables import TableColumn, column_body
from embedded.snowflake.errors import SqlCompilationError, does_not_exist, unsupported
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.security.privileges import active_roles, holds, reach, require
from embedded.snowflake.statements import physical
from embedded.snowflake.statements.alter_column import alter_columns
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

Action = Callable[["Session", TokenStream, CatalogObject], None]


def alter_table(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """Do the form of ALTER TABLE that comes next, and say whether it was one of these."""
    for words, action in _FORMS:
        if tokens.at(*words):
            if words not in _POLICY_FORMS:
                require(session, "OWNERSHIP", item)
            action(session, tokens, item)
            return True
    return False


def alter_policies(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """Do the forms that set policies and tags on views and on their columns, and say whether it was one of these."""
    for words, action in _FORMS:
        if words in _POLICY_FORMS and tokens.at(*words):
            action(session, tokens, item)
            return True
    return False


def change(session: Session, item: CatalogObject, action: Callable[[dict[str, Any]], None]) -> None:
    """Change an object's body by a function, in one transaction."""
    new = item.changed()
    action(new.body)
    with session.account.catalog.transaction() as changes:
        changes.put(new)


# -- columns


def _add(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """ADD constraint, or ADD [COLUMN] column, column …"""
    tokens.expect("ADD")
    constraint = read_constraint(session, tokens)
    if constraint is not None:
        change(session, item, lambda body: add_constraint(session, body, constraint))
        return
    added: list[tuple[ColumnDefinition, bool]] = []
    while not added or tokens.accept(","):
        tokens.accept("COLUMN")
        if_missing = tokens.accept("IF", "NOT", "EXISTS")
        if tokens.at("("):
            added += [(column, if_missing) for column in tokens.parenthesized(lambda: read_column(session, tokens))]
        else:
            added.append((read_column(session, tokens), if_missing))
    tokens.end()
    with session.account.catalog.transaction() as changes:
        table = changes.get(item.oid).changed()
        new = [column for column, if_missing in added if _is_new(table.body, column.name, if_missing)]
        columns = [_append(session, table.body, column) for column in new]
        changes.put(table)
        for column in columns:
            physical.add_column(session, changes, table, column)


def _is_new(body: dict[str, Any], name: str, if_missing: bool) -> bool:
    if not any(column["name"] == name for column in body["columns"]):
        return True
    if if_missing:
        return False
    raise SqlCompilationError(f"column '{name}' already exists", 1430, "42601")


def _append(session: Session, body: dict[str, Any], definition: ColumnDefinition) -> TableColumn:
    column_id = body["next_column_id"]
    body["next_column_id"] = column_id + 1
    column = definition.to_column(column_id)
    body["columns"].append(column.to_json())
    if definition.masking_policy is not None:
        check_masking(session, body, definition.name, definition.masking_policy, definition.using)
        entry = policy_entry(body, definition.masking_policy, definition.using, definition.name)
        column_body(body, definition.name)["masking_policy"] = entry
    for constraint in definition.constraints:
        add_constraint(session, body, constraint)
    return column


def _drop_columns(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """DROP [COLUMN] [IF EXISTS] column, column …"""
    tokens.expect("DROP")
    tokens.accept("COLUMN")
    lenient = tokens.accept("IF", "EXISTS")
    names = [tokens.identifier()]
    while tokens.accept(","):
        names.append(tokens.identifier())
    tokens.accept("CASCADE")
    tokens.accept("RESTRICT")
    tokens.end()
    with session.account.catalog.transaction() as changes:
        table = changes.get(item.oid).changed()
        present = {column["name"] for column in table.body["columns"]}
        dropped = [column_body(table.body, name) for name in names if name in present or not lenient]
        check_columns_free(table.body, dropped)
        for column in dropped:
            _check_not_clustered(table, column)
            table.body["columns"].remove(column)
            _forget_constraints(table.body, column["id"])
        if not table.body["columns"]:
            raise SqlCompilationError("Cannot drop the only column of a table.", 2262, "42601")
        changes.put(table)


def _check_not_clustered(table: CatalogObject, column: dict[str, Any]) -> None:
    """Refuse to drop a column that the clustering key needs."""
    for key in table.body.get("cluster_by", []):
        if any(
            token.text.upper() == column["name"] or token.text == column["name"] for token in TokenStream(key).tokens
        ):
            raise SqlCompilationError(
                f"Cannot drop column '{column['name']}': it is a part of the clustering key of table '{table.name}'.",
                2263,
                "42601",
            )


def _forget_constraints(body: dict[str, Any], column_id: int) -> None:
    body["constraints"] = [item for item in body.get("constraints", []) if column_id not in item["columns"]]


def _rename_column(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    tokens.expect("RENAME", "COLUMN")
    old = tokens.identifier()
    tokens.expect("TO")
    new = tokens.identifier()
    tokens.end()

    def action(body: dict[str, Any]) -> None:
        column = column_body(body, old)
        if old != new:
            _is_new(body, new, False)
        column["name"] = new

    change(session, item, action)


# -- constraints


def _drop_constraint(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """DROP CONSTRAINT name, or the one of a kind (on the columns given)."""
    tokens.expect("DROP")
    name = tokens.identifier() if tokens.accept("CONSTRAINT") else None
    kind = None
    if name is None:
        kind = next(
            (words for words in (("PRIMARY", "KEY"), ("UNIQUE",), ("FOREIGN", "KEY")) if tokens.accept(*words)), None
        )
    columns = tokens.parenthesized(tokens.identifier) if tokens.at("(") else None
    tokens.accept("CASCADE")
    tokens.accept("RESTRICT")
    tokens.end()

    def action(body: dict[str, Any]) -> None:
        found = _find_constraint(body, name, " ".join(kind or ()), columns)
        body["constraints"].remove(found)

    change(session, item, action)


def _find_constraint(body: dict[str, Any], name: str | None, kind: str, columns: list[str] | None) -> dict[str, Any]:
    wanted = [column_body(body, column)["id"] for column in columns] if columns is not None else None
    for constraint in body.get("constraints", []):
        if name is not None and constraint["name"] == name:
            return constraint
        if name is None and constraint["type"] == kind and wanted in (None, constraint["columns"]):
            return constraint
    raise does_not_exist("Constraint", name or kind)


def _rename_constraint(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    tokens.expect("RENAME", "CONSTRAINT")
    old = tokens.identifier()
    tokens.expect("TO")
    new = tokens.identifier()
    tokens.end()

    def action(body: dict[str, Any]) -> None:
        _find_constraint(body, old, "", None)["name"] = new

    change(session, item, action)


def _alter_constraint(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    tokens.next()
    tokens.expect("CONSTRAINT")
    name = tokens.identifier()

    def action(body: dict[str, Any]) -> None:
        read_flags(tokens, _find_constraint(body, name, "", None)["properties"])
        tokens.end()

    change(session, item, action)


# -- clustering, swapping


def _cluster_by(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    tokens.expect("CLUSTER", "BY")
    keys = read_cluster_by(tokens)
    tokens.end()
    change(session, item, lambda body: body.update(cluster_by=keys))


def _drop_clustering(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    tokens.expect("DROP", "CLUSTERING", "KEY")
    tokens.end()
    change(session, item, lambda body: body.update(cluster_by=[]))


def _recluster(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    suspended = tokens.next().text.upper() == "SUSPEND"
    tokens.expect("RECLUSTER")
    tokens.end()
    change(session, item, lambda body: body.update(recluster_suspended=suspended))


def _swap(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """SWAP WITH: two tables exchange their names."""
    tokens.expect("SWAP", "WITH")
    other = reach(session, "TABLE", tokens.name(), "OWNERSHIP")
    tokens.end()
    with session.account.catalog.transaction() as changes:
        changes.put(item.changed(name=other.name, container=other.container))
        changes.put(other.changed(name=item.name, container=item.container))


# -- row access policies


def _may_attach(session: Session, item: CatalogObject) -> None:
    """A row access policy is set by the table's owner or by who may APPLY ROW ACCESS POLICY on the account."""
    if not holds(session.account.catalog, active_roles(session), "APPLY ROW ACCESS POLICY", None):
        require(session, "OWNERSHIP", item)


def _add_row_access(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    _may_attach(session, item)
    _refuse_materialized(session, item)
    tokens.expect("ADD")
    use = read_row_access(session, tokens)
    tokens.end()
    change(session, item, lambda body: attach_row_access(session, body, *use))


def _refuse_materialized(session: Session, item: CatalogObject) -> None:
    """A table below a materialized view cannot get a row access policy: the view would show its rows unprotected."""
    if any(view.body.get("source") == item.oid for view in session.account.catalog.all("MATERIALIZED VIEW")):
        raise unsupported("ROW ACCESS POLICY ON TABLE WITH MATERIALIZED VIEW")


def _drop_row_access(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    """DROP ROW ACCESS POLICY p [, ADD ROW ACCESS POLICY q ON (…)]: at no moment is the table without one."""
    _may_attach(session, item)
    tokens.expect("DROP", "ROW", "ACCESS", "POLICY")
    policy = reach(session, "ROW ACCESS POLICY", tokens.name())
    use = None
    if tokens.accept(","):
        tokens.expect("ADD")
        use = read_row_access(session, tokens)
    tokens.end()

    def action(body: dict[str, Any]) -> None:
        old = body.get("row_access_policy")
        if not old or old["policy"] != policy.oid:
            raise SqlCompilationError(
                f"Row access policy '{quote_if_needed(policy.name)}' is not attached to '{quote_if_needed(item.name)}'.",
                3553,
                "42601",
            )
        body["row_access_policy"] = None
        if use is not None:
            attach_row_access(session, body, *use)

    change(session, item, action)


def _drop_all_row_access(session: Session, tokens: TokenStream, item: CatalogObject) -> None:
    _may_attach(session, item)
    tokens.expect("DROP", "ALL", "ROW", "ACCESS", "POLICIES")
    tokens.end()
    change(session, item, lambda body: body.update(row_access_policy=None))


def _refused(name: str) -> Action:
    def refuse(*_: Any) -> None:
        raise unsupported(f"ALTER TABLE {name}")

    return refuse


_POLICY_FORMS = {
    ("ADD", "ROW", "ACCESS"),
    ("DROP", "ROW", "ACCESS"),
    ("DROP", "ALL", "ROW"),
    ("ALTER",),
    ("MODIFY",),
}
# The forms by their first words; the first that fits is the one.
_FORMS: tuple[tuple[tuple[str, ...], Action], ...] = (
    (("ADD", "ROW", "ACCESS"), _add_row_access),
    (("ADD", "SEARCH", "OPTIMIZATION"), _refused("ADD SEARCH OPTIMIZATION")),
    (("ADD",), _add),
    (("DROP", "ROW", "ACCESS"), _drop_row_access),
    (("DROP", "ALL", "ROW"), _drop_all_row_access),
    (("DROP", "SEARCH", "OPTIMIZATION"), _refused("DROP SEARCH OPTIMIZATION")),
    (("DROP", "CLUSTERING"), _drop_clustering),
    (("DROP", "CONSTRAINT"), _drop_constraint),
    (("DROP", "PRIMARY", "KEY"), _drop_constraint),
    (("DROP", "UNIQUE"), _drop_constraint),
    (("DROP", "FOREIGN", "KEY"), _drop_constraint),
    (("DROP",), _drop_columns),
    (("RENAME", "COLUMN"), _rename_column),
    (("RENAME", "CONSTRAINT"), _rename_constraint),
    (("ALTER", "CONSTRAINT"), _alter_constraint),
    (("MODIFY", "CONSTRAINT"), _alter_constraint),
    (("ALTER",), alter_columns),
    (("MODIFY",), alter_columns),
    (("CLUSTER", "BY"), _cluster_by),
    (("SUSPEND", "RECLUSTER"), _recluster),
    (("RESUME", "RECLUSTER"), _recluster),
    (("RECLUSTER",), _refused("RECLUSTER")),
    (("SWAP", "WITH"), _swap),
)
