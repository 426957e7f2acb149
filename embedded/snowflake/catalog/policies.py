"""Row access and masking policies on tables and views: attached, taken off, found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.tables import column_body, columns
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.result import Result, listing
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embedded.snowflake.catalog.store import Catalog
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

# DESCRIBE TABLE's and DESCRIBE VIEW's columns, in the order that clients read by position.
DESCRIBE_COLUMNS = (
    "name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment", "policy name",
    "privacy domain", "schema evolution record",
)  # fmt: skip
# What holds columns that policies can be on.
CARRIERS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "EXTERNAL TABLE")


def read_row_access(session: Session, tokens: TokenStream) -> tuple[int, list[str]]:
    """Read `ROW ACCESS POLICY policy ON (column, …)`: the policy's oid and the column names."""
    tokens.expect("ROW", "ACCESS", "POLICY")
    policy = reach(session, "ROW ACCESS POLICY", tokens.name())
    require(session, "APPLY", policy)
    tokens.expect("ON")
    return policy.oid, tokens.parenthesized(tokens.identifier)


def attach_row_access(session: Session, body: dict[str, Any], policy_oid: int, names: list[str]) -> None:
    """Put a row access policy in a table's or view's body.

    Raises:
        SqlCompilationError: one is there (003551), or the columns do not fit its arguments (003552, 000904).
    """
    if body.get("row_access_policy"):
        raise SqlCompilationError(
            "Object already has a ROW_ACCESS_POLICY. Only one ROW_ACCESS_POLICY is allowed at a time.", 3551, "0A000"
        )
    policy = session.account.catalog.get(policy_oid)
    entries = [column_body(body, name) for name in names]
    _check_arguments(policy, [entry["type"] for entry in entries], "row access")
    body["row_access_policy"] = {"policy": policy_oid, "columns": [entry["id"] for entry in entries]}


def _check_arguments(policy: CatalogObject, types: list[str], word: str) -> None:
    wanted = [parse_type(argument["type"]).bare for argument in policy.body["arguments"]]
    given = [parse_type(text).bare for text in types]
    if wanted != given:
        raise SqlCompilationError(
            f"Column types ({', '.join(given)}) do not match the arguments ({', '.join(wanted)}) of the {word} policy "
            f"'{quote_if_needed(policy.name)}'.",
            3552,
            "42601",
        )


def attach_masking(
    session: Session, body: dict[str, Any], name: str, policy_oid: int, using: list[str], *, force: bool = False
) -> None:
    """Put a masking policy on a column in a table's or view's body.

    Raises:
        SqlCompilationError: one is there and `force` is not given (003555), or the types do not fit (003552).
    """
    from embedded.snowflake.catalog.column_grammar import policy_entry

    column = column_body(body, name)
    old = column.get("masking_policy")
    if old and not force:
        raise SqlCompilationError(
            f"Specified column '{name}' already attached to another masking policy. "
            "A column cannot be attached to multiple masking policies. Please drop the current association in order to attach a "
            "new masking policy.",
            3555,
            "0A000",
        )
    check_masking(session, body, name, policy_oid, using)
    column["masking_policy"] = policy_entry(body, policy_oid, using, name)


def check_masking(session: Session, body: dict[str, Any], name: str, policy_oid: int, using: list[str]) -> None:
    """Make sure that a masking policy's arguments fit the columns it would be on (003552), and its result the masked one."""
    policy = session.account.catalog.get(policy_oid)
    types = [column_body(body, item)["type"] for item in (using or [name])]
    _check_arguments(policy, types, "masking")


def used_by(catalog: Catalog, policy: int) -> list[tuple[CatalogObject, str | None, list[str]]]:
    """Where a policy is attached: the object, the masked column (None for a row access policy), the argument columns."""
    found: list[tuple[CatalogObject, str | None, list[str]]] = []
    for kind in CARRIERS:
        for item in catalog.all(kind):
            found.extend(use for use in uses_of(item) if use[0] == policy for use in [(item, use[1], use[2])])
    return found


def uses_of(item: CatalogObject) -> list[tuple[int, str | None, list[str]]]:
    """The policies on a table or view: policy oid, masked column (None for a row access policy), argument columns."""
    names = {column["id"]: column["name"] for column in item.body.get("columns", [])}
    found: list[tuple[int, str | None, list[str]]] = []
    rows = item.body.get("row_access_policy")
    if rows:
        found.append((rows["policy"], None, [names[column] for column in rows["columns"] if column in names]))
    for column in item.body.get("columns", []):
        masking = column.get("masking_policy")
        if masking:
            arguments = [names[argument] for argument in masking["columns"][1:] if argument in names]
            found.append((masking["policy"], column["name"], arguments))
    return found


def describe_columns(session: Session, item: CatalogObject) -> Result:
    """DESCRIBE of what has columns: thirteen columns, one row a column."""
    catalog = session.account.catalog
    keys = {kind: _key_columns(item, kind) for kind in ("PRIMARY KEY", "UNIQUE")}
    rows = []
    for column in columns(item):
        policy = column.masking_policy
        rows.append(
            (
                column.name,
                str(column.type),
                "VIRTUAL_COLUMN" if column.expression else "COLUMN",
                "Y" if column.nullable else "N",
                default_text(column),
                "Y" if column.id in keys["PRIMARY KEY"] else "N",
                "Y" if column.id in keys["UNIQUE"] else "N",
                None,
                column.expression,
                column.comment or None,
                full_name(catalog, catalog.get(policy["policy"])) if policy else None,
                None,
                None,
            )
        )
    return listing(DESCRIBE_COLUMNS, rows)


def _key_columns(item: CatalogObject, kind: str) -> set[int]:
    found = [constraint["columns"] for constraint in item.body.get("constraints", []) if constraint["type"] == kind]
    return {column for ids in found for column in ids}


def default_text(column: Any) -> str | None:
    """A column's default as DESCRIBE prints it; an identity as `IDENTITY START n INCREMENT m ORDER`."""
    if column.identity:
        order = "ORDER" if column.identity.get("order") else "NOORDER"
        return f"IDENTITY START {column.identity['start']} INCREMENT {column.identity['increment']} {order}"
    return column.default


def check_columns_free(body: Mapping[str, Any], dropped: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to drop columns that a policy of the table, or a mask of a column that stays, reads.

    A column's own mask goes with it, as a table's policies go with the table.

    Raises:
        SqlCompilationError: 3554; the column is needed.
    """
    ids = {column["id"] for column in dropped}
    staying = [column.get("masking_policy") for column in body["columns"] if column["id"] not in ids]
    for column in dropped:
        if any(use and column["id"] in use["columns"] for use in (body.get("row_access_policy"), *staying)):
            raise SqlCompilationError(
                f"Cannot drop column '{column['name']}': a policy is attached that uses it. Drop or unset the policy first.",
                3554,
                "0A000",
            )
