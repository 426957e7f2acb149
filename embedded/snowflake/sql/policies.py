"""Row access and masking policies, put in where a table or view is read.

A policy's body is bound over the columns that it is attached to: a name in a subquery of the body belongs to that subquery's
tables first, then to the policy's arguments. CURRENT_ROLE and its like are the session's; the tables that a body reads
are read with the policy owner's rights and under the policies that are on them; a policy that would be asked for its own answer
is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.fence import fence, mask_may_fail
from embedded.snowflake.sql.parse import parse_expression
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import BOOLEAN, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context


# How a read reaches the rows that policies are on.
READS = ("table", "past", "target", "stream", "changes", "view")


def applies(context: Context, read: str) -> bool:
    """Whether policies are put in for a read of one of the `READS`: for each of them, unless the context is the server's own."""
    del read
    return context.policed


def police(item: CatalogObject, relation: Relation, binder: Expressions, read: str) -> Relation:
    """The relation of a table or view as the session may see it: rows filtered, then columns masked.

    The filter and the masks read the unmasked columns.
    """
    context = binder.context
    row_policy = item.body.get("row_access_policy")
    masks = column_masks(item, context)
    if (not row_policy and not masks) or not applies(context, read):
        return relation
    alias = context.alias()
    values = _values(relation, alias)
    parts, columns = [], []
    for column in relation.columns:
        value = values[column.name]
        if column.name in masks:
            context.reads.policed[item.oid, column.name, masks[column.name]["policy"]] = None
            value = _masked(masks[column.name], value, column, item, values, binder)
        columns.append(replace(column, nullable=column.nullable or value.nullable))
        parts.append(f"{value.sql} AS {quote(column.duckdb_name)}")
    text = f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}"
    if row_policy:
        context.reads.policed[item.oid, None, row_policy["policy"]] = None
        text = fence(f"{text} WHERE {_row_condition(item, row_policy, values, binder)}", context)
    return Relation(text, columns)


def _row_condition(
    item: CatalogObject, row_policy: dict[str, Any], values: dict[str, Typed], binder: Expressions
) -> str:
    context = binder.context
    condition = bind_policy(
        context, row_policy["policy"], _arguments(item, row_policy["columns"], values), binder, item
    )
    return cast(condition, BOOLEAN, context.zone).sql


def _values(relation: Relation, alias: str) -> dict[str, Typed]:
    return {
        column.name: Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact)
        for column in relation.columns
    }


def column_masks(item: CatalogObject, context: Context) -> dict[str, dict[str, Any]]:
    """The masking policy of each column that has one, on itself or by a tag: `{"policy": oid, "columns": [ids]}`.

    A policy on the column goes before one by a tag; a tag of the column before one of its table, schema, database or account.
    """
    found: dict[str, dict[str, Any]] = {}
    inherited = _inherited_tags(item, context)
    for column in item.body.get("columns", []):
        if column.get("masking_policy"):
            found[column["name"]] = column["masking_policy"]
            continue
        for tag in [*(column.get("tags") or {}), *inherited]:
            policy = _tag_policy(context.account.catalog.get(int(tag)), column["type"], context)
            if policy is not None:
                found[column["name"]] = {"policy": policy, "columns": [column["id"]]}
                break
    return found


def _inherited_tags(item: CatalogObject, context: Context) -> list[str]:
    """The oids (as text) of the tags that columns have from their table and what holds it, nearest first."""
    catalog = context.account.catalog
    tags: list[str] = []
    holder: CatalogObject | None = item
    while holder is not None:
        tags.extend(holder.body.get("tags") or ())
        holder = catalog.get(holder.container) if holder.container != ACCOUNT else None
    return [*tags, *catalog.records("account_tag")]


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
    bound = bind_policy(binder.context, mask["policy"], arguments, binder, item)
    reads = binder.context.reads
    reads.may_fail = reads.may_fail or mask_may_fail(bound.sql)
    return cast(bound, column.type, binder.context.zone)


def bind_policy(
    context: Context, policy_oid: int, arguments: list[Typed], binder: Expressions, item: CatalogObject
) -> Typed:
    """A policy's body over the columns given.

    Args:
        context: the query's context; the body gets one of its own with the policy owner's rights.
        policy_oid: the policy.
        arguments: the columns' values, in the order of the policy's arguments.
        binder: where the table is read.
        item: the table or view that is protected.

    Raises:
        SqlCompilationError: the body reads what this same policy protects.
    """
    catalog = context.account.catalog
    policy = catalog.get(policy_oid)
    if policy_oid in context.policies:
        raise SqlCompilationError(
            "Policy body contains a UDF or Select statement that refers to a Table attached to another Policy."
            f" Policy '{full_name(catalog, policy)}' would have to be asked for its own answer.",
            3557,
            "42601",
        )
    schema = catalog.get(policy.container)
    inner = context.owned(
        policy.owner,
        catalog.get(schema.container).name,
        schema.name,
        policies=(*context.policies, policy_oid),
        protected=item,
        invoker=context.invoker,
        binds=[],
    )
    columns = []
    for argument, value in zip(policy.body["arguments"], arguments, strict=False):
        columns.append(SourceColumn(argument["name"], cast(value, parse_type(argument["type"]), context.zone)))
    scope = Scope([Source("", columns)])
    return Expressions(inner, scope, binder.bind_query).bind(parse_expression(policy.body["body"]))


__all__ = ["READS", "applies", "bind_policy", "column_masks", "police"]
