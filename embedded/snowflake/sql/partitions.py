"""Table functions in Python over partitions: `FROM t, TABLE(f(t.a) OVER (PARTITION BY t.b ORDER BY t.c))`.

The rows before the call are grouped, each group goes through the function as one list, and the rows it gives are put beside the
rows that they come from; a row that comes from none (of end_partition) stands beside the partition's columns alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import encode
from embedded.snowflake.programs.python_functions import partition_text, struct_text
from embedded.snowflake.sql.scope import OutputColumn, Relation, Source
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.expressions import Expressions

_COLUMN = re.compile(r'(s\d+)\.("(?:[^"]|"")*")\Z')


@dataclass(frozen=True)
class PartitionedCall:
    """A call that is bound: the function, its arguments, and what OVER says."""

    item: CatalogObject
    arguments: list[Typed]
    keys: list[str]
    order: str


def read_over(window: exp.Expr | None, binder: Expressions) -> tuple[list[str], str]:
    """The texts of PARTITION BY's expressions, and of ORDER BY."""
    if window is None:
        return [], ""
    keys = [binder.bind(node).sql for node in window.args.get("partition_by") or []]
    order = window.args.get("order")
    parts = []
    for item in order.expressions if order is not None else []:
        descending, nulls_first = bool(item.args.get("desc")), bool(item.args.get("nulls_first"))
        parts.append(
            f"{binder.bind(item.this).sql}{' DESC' if descending else ''} NULLS {'FIRST' if nulls_first else 'LAST'}"
        )
    return keys, f" ORDER BY {', '.join(parts)}" if parts else ""


def alone(context: Context, item: CatalogObject, arguments: list[Typed]) -> Relation:
    """A call that depends on no rows before it: one partition of one row."""
    result = partition_text(context, item, f"[{struct_text(arguments)}]")
    row = context.alias()
    columns, parts = _output(item, row)
    return Relation(f"SELECT {', '.join(parts)} FROM (SELECT unnest({result}) AS {row})", columns)


def _output(item: CatalogObject, row: str) -> tuple[list[OutputColumn], list[str]]:
    columns, parts = [], []
    for place, one in enumerate(item.body["returns"]["table"]):
        kind, name = parse_type(one["type"]), encode(one["name"])
        value = f"CAST({row}.c{place} AS JSON)" if kind.is_semi_structured else f"{row}.c{place}"
        quoted = '"' + name.replace('"', '""') + '"'
        parts.append(f"{value} AS {quoted}")
        columns.append(OutputColumn(one["name"], kind, name))
    return columns, parts


def beside(
    left: str, call: PartitionedCall, sources: list[Source], context: Context
) -> tuple[str, list[OutputColumn], str]:
    """The text of the rows before the call with the function's rows beside them, its columns, and the alias they have."""
    row, rows, out = context.alias(), context.alias(), context.alias()
    packed = ", ".join(f"{source.alias} := {source.alias}" for source in sources)
    given = f"list({struct_text(call.arguments)}{call.order})"
    grouped = (
        f"SELECT list(struct_pack({packed}){call.order}) AS {rows}, {partition_text(context, call.item, given)} AS {out} "
        f"FROM {left}{' GROUP BY ' + ', '.join(call.keys) if call.keys else ''}"
    )
    unnested = f"SELECT {rows}, unnest({out}) AS {row} FROM ({grouped})"
    columns, parts = _output(call.item, row)
    before = [f"{_before(source, call.keys, rows, row)} AS {source.alias}" for source in sources]
    names = [part.rpartition(" AS ")[2] for part in parts]
    values = [part.rpartition(" AS ")[0] for part in parts]
    packed_row = ", ".join(f"{name} := {value}" for name, value in zip(names, values, strict=True))
    made = context.alias()
    text = f"(SELECT {', '.join([*before, f'struct_pack({packed_row}) AS {made}'])} FROM ({unnested})) AS {context.alias()}"
    return text, columns, made


def _before(source: Source, keys: list[str], rows: str, row: str) -> str:
    """A source's row as it stands beside a row of the function: of the row it comes from, or only the partition's columns."""
    found = [match for column in source.columns if (match := _COLUMN.match(column.value.sql))]
    own = {f"{match[1]}.{match[2]}" for match in found} & set(keys)
    if not own:
        return f"{rows}[{row}.i].{source.alias}"
    fields = dict.fromkeys(match[2] for match in found if match[1] == source.alias)
    parts = [
        f"{name} := {rows}[{'1' if f'{source.alias}.{name}' in own else f'{row}.i'}].{source.alias}.{name}"
        for name in fields
    ]
    return f"struct_pack({', '.join(parts)})"


def no_over(name: str) -> SqlCompilationError:
    """The error for OVER of a table function in SQL (002303)."""
    return SqlCompilationError(f"Function {name} does not take OVER: it is no table function in Python.", 2303, "42601")
