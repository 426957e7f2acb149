"""Python functions inside queries: DuckDB calls them with batches of rows, worker processes run the handlers.

A function is known to DuckDB under a name of its content, with two arguments: the number of the call (from which the
session is found), and a struct of the arguments; a table function takes the list of structs of one partition.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.programs.python_code import check_packages, imported_files, specification
from embedded.snowflake.programs.python_values import from_worker, to_worker
from embedded.snowflake.programs.workers import Worker, python_error, workers_of
from embedded.snowflake.scripting.values import plain
from embedded.snowflake.sql.arrow_rows import arrow_type
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import DataType, parse_type
from embedded.snowflake.zoned import to_interval

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.sql.context import Context

_MOST_SITES = 1024
_numbers = itertools.count(1)
_sites: OrderedDict[int, Site] = OrderedDict()
_known_sites: dict[tuple[int, str, str], int] = {}
_registered: WeakKeyDictionary[Account, dict[str, duckdb.DuckDBPyConnection]] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class Site:
    """A function as a session calls it: the files that its handler imports, and the key of the processes that have them."""

    session: Session
    imports: dict[str, bytes]
    key: str


@dataclass(frozen=True)
class Function:
    """A function as workers and DuckDB have it."""

    key: str
    spec: dict[str, Any]
    arguments: list[DataType]
    returns: list[DataType]
    is_table: bool

    @property
    def duckdb_name(self) -> str:
        """Its name in DuckDB."""
        return f"sf_python_{self.key}"


def function_of(item: CatalogObject) -> Function:
    """A function of the catalog."""
    body = item.body
    is_table = isinstance(body["returns"], dict)
    kinds = [one["type"] for one in body["returns"]["table"]] if is_table else [body["returns"]]
    spec = specification(item)
    types = [*(one["type"] for one in body["arguments"]), "->", *kinds]
    told = json.dumps([spec, types, is_table, body["properties"].get("IMPORTS"), item.oid], sort_keys=True)
    return Function(
        hashlib.sha256(told.encode()).hexdigest()[:24],
        spec,
        [parse_type(one["type"]) for one in body["arguments"]],
        [parse_type(kind) for kind in kinds],
        is_table,
    )


def call_text(context: Context, item: CatalogObject, arguments: list[Typed]) -> str:
    """The DuckDB text of a scalar call with its arguments, each of its declared type."""
    function = function_of(item)
    site = _prepare(context, item, function)
    value = f"{function.duckdb_name}({site}, {struct_text(arguments)})"
    kind = function.returns[0]
    return f"CAST({value} AS JSON)" if kind.is_semi_structured else value


def partition_text(context: Context, item: CatalogObject, rows: str) -> str:
    """The DuckDB text of a table function's call with one partition, a list of structs: a list of structs, `i` and `c0`, `c1` …"""
    function = function_of(item)
    site = _prepare(context, item, function)
    return f"{function.duckdb_name}({site}, {rows})"


def struct_text(arguments: list[Typed]) -> str:
    """The DuckDB text of the struct that carries a call's arguments."""
    fields = [f"a{place} := {value.stored}" for place, value in enumerate(arguments)]
    return f"struct_pack({', '.join(fields or ['none := 0'])})"


def _prepare(context: Context, item: CatalogObject, function: Function) -> int:
    """Make a function known to DuckDB, and give the number of a call of it."""
    session = context.session
    context.reads.volatile = True
    check_packages(item.body["properties"].get("PACKAGES") or [])
    imports = imported_files(session, item)
    content = hashlib.sha256(b"".join(imports[name] for name in sorted(imports))).hexdigest()
    with _lock:
        known = _registered.setdefault(session.account, {})
        if function.duckdb_name not in known:
            # A function can be taken away only by the cursor that made it known.
            known[function.duckdb_name] = session.account.connection.cursor()
            _register(known[function.duckdb_name], function)
        # Two calls of a query that are written alike must be the same text, or GROUP BY would not know them again.
        key = (id(session), function.key, content)
        number = _known_sites.get(key)
        if number is None or number not in _sites:
            number = _known_sites[key] = next(_numbers)
        _sites[number] = Site(session, imports, f"{function.key}-{content}")
        _sites.move_to_end(number)
        while len(_sites) > _MOST_SITES:
            gone, _ = _sites.popitem(last=False)
            for old in [old for old, known_number in _known_sites.items() if known_number == gone]:
                del _known_sites[old]
    return number


def _register(connection: duckdb.DuckDBPyConnection, function: Function) -> None:
    fields = [f"a{place} {kind.to_duckdb()}" for place, kind in enumerate(function.arguments)]
    struct = f"STRUCT({', '.join(fields or ['none INTEGER'])})"
    if function.is_table:
        columns = [f"c{place} {_returned(kind)}" for place, kind in enumerate(function.returns)]
        kinds, gives = f"{struct}[]", f"STRUCT({', '.join(['i BIGINT', *columns])})[]"
        call = _table_call(function)
    else:
        kinds, gives, call = struct, _returned(function.returns[0]), _scalar_call(function)
    connection.create_function(
        function.duckdb_name,
        call,
        ["BIGINT", kinds],  # type: ignore[list-item]
        gives,  # type: ignore[arg-type]
        type="arrow",  # type: ignore[arg-type]
        null_handling="special",  # type: ignore[arg-type]
        side_effects=True,
    )


def _returned(kind: DataType) -> str:
    return "VARCHAR" if kind.is_semi_structured else kind.to_duckdb()


def _arrow(kind: DataType) -> pa.DataType:
    return pa.decimal128(kind.precision or 38, kind.scale or 0) if kind.kind == "NUMBER" else arrow_type(kind)


def forget_functions(account: Account) -> None:
    """Take an account's Python functions from DuckDB, before it is closed."""
    with _lock:
        known = _registered.pop(account, {})
        for number in [number for number, site in _sites.items() if site.session.account is account]:
            del _sites[number]
        for key in [key for key, number in _known_sites.items() if number not in _sites]:
            del _known_sites[key]
    for name, connection in known.items():
        connection.remove_function(name)
        connection.close()


# -- what DuckDB calls


def _scalar_call(function: Function) -> Callable[[pa.ChunkedArray, pa.ChunkedArray], pa.Array]:
    def call(sites: pa.ChunkedArray, rows: pa.ChunkedArray) -> pa.Array:
        site = _site(sites)
        structs = rows.to_pylist()
        columns = _columns(function, structs)
        reply = _ask(function, site, {"do": "scalar", "columns": columns, "count": len(structs)})
        kind = function.returns[0]
        return _checked(function, lambda: pa.array([_cell(value, kind) for value in reply], _arrow(kind)))

    return call


def _cell(value: Any, kind: DataType) -> Any:
    """What a worker wrote, as Arrow takes it."""
    found = from_worker(value, kind)
    return to_interval(found) if kind.kind == "TIMESTAMP_TZ" and found is not None else found


def _table_call(function: Function) -> Callable[[pa.ChunkedArray, pa.ChunkedArray], pa.Array]:
    fields = [("i", pa.int64()), *((f"c{place}", _arrow(kind)) for place, kind in enumerate(function.returns))]
    names = [name for name, _ in fields]

    def rows_of(site: Site, partition: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        if not partition:
            return []
        message = {"do": "table", "columns": _columns(function, partition), "count": len(partition)}
        found = []
        for place, *values in _ask(function, site, message):
            read = [_cell(value, kind) for value, kind in zip(values, function.returns, strict=True)]
            found.append(dict(zip(names, [None if place is None else place + 1, *read], strict=True)))
        return found

    def call(sites: pa.ChunkedArray, partitions: pa.ChunkedArray) -> pa.Array:
        site = _site(sites)
        found = [rows_of(site, partition) for partition in partitions.to_pylist()]
        return _checked(function, lambda: pa.array(found, pa.list_(pa.struct(fields))))

    return call


def _site(numbers: pa.ChunkedArray) -> Site:
    return _sites[numbers[0].as_py()]


def _columns(function: Function, structs: list[dict[str, Any]]) -> list[list[Any]]:
    return [
        [to_worker(plain(row[f"a{place}"], kind), kind) for row in structs]
        for place, kind in enumerate(function.arguments)
    ]


def _ask(function: Function, site: Site, message: dict[str, Any]) -> list[Any]:
    """Have a worker do a batch.

    Raises:
        Exception: it failed; the text begins with Snowflake's number, by which DuckDB's error is known again.
    """
    workers = workers_of(site.session.account)
    worker: Worker | None = None
    try:
        worker = workers.take(site.session, site.key, function.spec, site.imports)
        reply = worker.ask(site.session, message)
    except SnowflakeError as error:
        if worker is not None and worker.is_alive:
            workers.give_back(site.key, worker)
        raise _Told(f"[{error.errno:06d}] {error.message}") from None
    workers.give_back(site.key, worker)
    return reply["rows"]


class _Told(Exception):
    """An error on its way through DuckDB."""


def _checked(function: Function, make: Callable[[], pa.Array]) -> pa.Array:
    try:
        return make()
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, ArithmeticError) as error:
        told = python_error(f"The result is no value of the declared type: {error}", *_named(function))
        raise _Told(f"[{told.errno:06d}] {told.message}") from None


def _named(function: Function) -> tuple[str, str]:
    return function.spec["name"], function.spec["handler"]


__all__ = ["call_text", "forget_functions", "function_of", "partition_text", "struct_text"]
