"""Row access and masking policies, put in where a table or view is read.

A policy's body is bound over the columns that it is attached to: a name in a subquery of the body belongs to that subquery's
tables first, then to the policy's arguments. CURRENT_ROLE and its like are the session's; the tables that a body reads
are read with the policy owner's rights, and without policies of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.names import encode, quote
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.fence import fence, mask_may_fail
from embedded.snowflake.sql.parse import parse_expression
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import BOOLEAN, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context


def police(item: CatalogObject, relation: Relation, binder: Expressions) -> Relation:
    """The relation of a table or view as the session may see it: rows filtered, then columns masked.

    The filter and the masks read the unmasked columns.
    """
    context = binder.context
    row_policy = item.body.get("row_access_policy")
    masks = column_masks(item, context)
    if not context.policed or (not row_policy and not masks):
        return relation
    alias = context.alias()
    values = _values(relation, alias)
    parts = []
    for column in relation.columns:
        value = values.get(column.name) or Typed(
            f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact
        )
        if column.name in masks:
            value = _masked(masks[column.name], value, column, item, values, binder)
        parts.append(f"{value.sql} AS {quote(column.duckdb_name)}")
    text = f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}"
    if row_policy:
        condition = bind_policy(context, row_policy["policy"], _arguments(item, row_policy["columns"], values), binder)
        text = fence(f"{text} WHERE {cast(condition, BOOLEAN, context.zone).sql}", context)
    return Relation(text, relation.columns)


def _values(relation: Relation, alias: str) -> dict[str, Typed]:
    return {
        column.name: Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact)
        for column in relation.columns
    }


def column_masks(item: CatalogObject, context: Context) -> dict[str, dict[str, Any]]:
    """The masking policy of each column that has one, on itself or by a tag: `{"policy": oid, "columns": [ids]}`."""
    catalog = context.account.catalog
    found: dict[str, dict[str, Any]] = {}
    for column in item.body.get("columns", []):
        if column.get("masking_policy"):
            found[column["name"]] = column["masking_policy"]
            continue
        for tag in column.get("tags") or {}:
            policy = _tag_policy(catalog.get(int(tag)), column["type"], context)
            if policy is not None:
                found[column["name"]] = {"policy": policy, "columns": [column["id"]]}
    return found


def _tag_policy(tag: CatalogObject, column_type: str, context: Context) -> int | None:
    """The masking policy that a tag carries for columns of a type."""
    for policy in tag.body.get("masking_policies", []):
        arguments = context.account.catalog.get(policy).body["arguments"]
        if parse_type(arguments[0]["type"]).kind == parse_type(column_type).kind:
            return policy
    return None


def _arguments(item: CatalogObject, ids: list[int], values: dict[str, Typed]) -> list[Typed]:
    names = {column["id"]: column["name"] for column in item.body.get("columns", [])}
    return [values[names[column_id]] for column_id in ids]


def _masked(
    mask: dict[str, Any],
    value: Typed,
    column: OutputColumn,
    item: CatalogObject,
    values: dict[str, Typed],
    binder: Expressions,
) -> Typed:
    arguments = _arguments(item, mask["columns"], values) or [value]
    bound = bind_policy(binder.context, mask["policy"], arguments, binder)
    reads = binder.context.reads
    reads.may_fail = reads.may_fail or mask_may_fail(bound.sql)
    return cast(bound, column.type, binder.context.zone)


def bind_policy(context: Context, policy_oid: int, arguments: list[Typed], binder: Expressions) -> Typed:
    """A policy's body over the columns given.

    Args:
        context: the query's context; the body gets one of its own with the policy owner's rights.
        policy_oid: the policy.
        arguments: the columns' values, in the order of the policy's arguments.
        binder: where the table is read.
    """
    catalog = context.account.catalog
    policy = catalog.get(policy_oid)
    schema = catalog.get(policy.container)
    inner = context.owned(policy.owner, catalog.get(schema.container).name, schema.name, policed=False, binds=[])
    columns = []
    for argument, value in zip(policy.body["arguments"], arguments, strict=False):
        columns.append(SourceColumn(argument["name"], cast(value, parse_type(argument["type"]), context.zone)))
    scope = Scope([Source("", columns)])
    return Expressions(inner, scope, binder.bind_query).bind(parse_expression(policy.body["body"]))


__all__ = ["bind_policy", "column_masks", "encode", "police", "replace"]
