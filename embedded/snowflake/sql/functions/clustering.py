"""SYSTEM$CLUSTERING_INFORMATION and SYSTEM$CLUSTERING_DEPTH: how far the partitions of a table overlap by a key.

A partition is 122,880 rows in the order in which they are stored, as DuckDB keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.typed import Typed, text_literal
from embedded.snowflake.storage.versions import column_name, table_name, visible
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import FLOAT, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_PARTITION_ROWS = 122_880
# The least depth of each further bar of the histogram above 16: each twice the one before.
_SINGLE_BARS = 16


class _Clustering(NamedTuple):
    keys: str
    partitions: int
    constant: int
    overlaps: float
    depth: float
    histogram: dict[str, int]


@function("SYSTEM$CLUSTERING_INFORMATION", args=(1, 2))
def clustering_information(call: Call) -> Typed:
    """How well a table is clustered by its key, or by the columns given, as JSON."""
    found = _clustering(call)
    told = {
        "cluster_by_keys": f"LINEAR({found.keys})",
        "total_partition_count": found.partitions,
        "total_constant_partition_count": found.constant,
        "average_overlaps": round(found.overlaps, 4),
        "average_depth": round(found.depth, 4),
        "partition_depth_histogram": found.histogram,
        "clustering_errors": [],
    }
    return text_literal(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()).typed(VARCHAR)


@function("SYSTEM$CLUSTERING_DEPTH", args=(1, 2))
def clustering_depth(call: Call) -> Typed:
    """The average depth of a table's partitions by its key, or by the columns given."""
    return Typed(f"CAST({round(_clustering(call).depth, 4)} AS DOUBLE)", FLOAT, False)


def _clustering(call: Call) -> _Clustering:
    """What the functions tell.

    Raises:
        SqlCompilationError: no key is given and the table has none (002231), or the key cannot be read.
        SnowflakeError: there is no such table.
    """
    context = call.binder.context
    context.reads.volatile = True
    table = reach(context.session, "TABLE", TokenStream(str(call.constant(0))).name())
    written = str(call.constant(1, "")).strip()
    keys = written.removeprefix("LINEAR").strip().removeprefix("(").removesuffix(")") if written else ""
    keys = keys or ", ".join(table.body.get("cluster_by") or [])
    if not keys:
        raise SqlCompilationError(
            f"Invalid clustering keys or table {quote_if_needed(table.name)} is not clustered", 2231, "22023"
        )
    ranges = _ranges(context.session, table, keys)
    overlaps, depths = _overlaps(ranges), _depths(ranges)
    count = len(ranges)
    return _Clustering(
        keys,
        count,
        sum(low == high for low, high in ranges),
        sum(overlaps) / count if count else 0.0,
        sum(depths) / count if count else 0.0,
        _histogram(depths),
    )


def _ranges(session: Session, table: CatalogObject, keys: str) -> list[tuple[int, int]]:
    """The least and greatest key of each partition, as ranks of all such keys."""
    from embedded.snowflake.sql.run import snowflake_errors
    from embedded.snowflake.sql.translate import expression_ast

    known = [
        (column.name, Typed(column_name(column.id), column.type, column.nullable))
        for column in columns(table)
        if column.expression is None
    ]
    items = parse_query(f"select {keys}").expressions
    parts = ", ".join(f"k{place} := {expression_ast(session, item, known).sql}" for place, item in enumerate(items))
    text = (
        f"with r as (select struct_pack({parts}) as k, (row_number() over (order by rowid) - 1) // {_PARTITION_ROWS} as p "
        f"from {table_name(table.oid)} where {visible(None)}), e as (select p, min(k) as low, max(k) as high from r group by p), "
        "b as (select dense_rank() over (order by v) as n, v from (select low as v from e union select high from e)) "
        "select l.n, h.n from e join b l on l.v = e.low join b h on h.v = e.high"
    )
    with snowflake_errors():
        return [(int(low), int(high)) for low, high in session.cursor.execute(text).fetchall()]


def _overlaps(ranges: Sequence[tuple[int, int]]) -> list[int]:
    """For each partition, how many others its range meets."""
    return [sum(a <= high and b >= low for a, b in ranges) - 1 for low, high in ranges]


def _depths(ranges: Sequence[tuple[int, int]]) -> list[int]:
    """For each partition, the most partitions that meet at one place of its range."""
    places = sorted({place for pair in ranges for place in pair})
    at = {place: sum(low <= place <= high for low, high in ranges) for place in places}
    return [max(at[place] for place in places if low <= place <= high) for low, high in ranges]


def _histogram(depths: Sequence[int]) -> dict[str, int]:
    """How many partitions have each depth: 0 to 16 by themselves, then up to 32, 64 and so on."""
    bars = [*range(_SINGLE_BARS + 1)]
    while bars[-1] < max(depths, default=0):
        bars.append(bars[-1] * 2)
    counted: dict[str, Any] = {"00000": 0}
    for below, bar in pairwise(bars):
        counted[f"{bar:05}"] = sum(below < depth <= bar for depth in depths)
    return counted
