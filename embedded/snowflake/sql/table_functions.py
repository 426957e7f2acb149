"""Table functions: FLATTEN, GENERATOR, SPLIT_TO_TABLE, RESULT_SCAN, those of INFORMATION_SCHEMA, and SQL UDTFs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import encode, literal, quote
from embedded.snowflake.result import Column, Result
from embedded.snowflake.sql.arrow_rows import result_table
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.semi import path_keys
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.paths import extract
from embedded.snowflake.sql.scope import OutputColumn, Relation, name_of, unique
from embedded.snowflake.types import ARRAY, NUMBER, VARCHAR, VARIANT

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.expressions import Expressions

TableFunction = Callable[["Arguments"], Relation]


class Arguments:
    """The arguments of a table function's call, by name or by place."""

    def __init__(self, name: str, node: exp.Expr, binder: Expressions) -> None:
        self.name = name
        self.binder = binder
        self.named = {
            item.this.name.upper(): item.expression for item in node.expressions if isinstance(item, exp.Kwarg)
        }
        self.nodes = [item for item in node.expressions if not isinstance(item, exp.Kwarg)]

    def node(self, name: str, place: int | None = None) -> exp.Expr | None:
        """The argument of that name, or at that place."""
        if name in self.named:
            return self.named[name]
        return self.nodes[place] if place is not None and place < len(self.nodes) else None

    def constant(self, name: str, default: object = None, place: int | None = None) -> object:
        """The value of an argument that must be a literal.

        Raises:
            SqlCompilationError: it is no literal (001015).
        """
        node = self.node(name, place)
        if node is None:
            return default
        value = self.binder.bind(node)
        if not value.is_constant:
            raise SqlCompilationError(f"argument {name} to function {self.name} needs to be constant", 1015, "42601")
        return value.value


def bind_table_function(node: exp.Expr, binder: Expressions) -> Relation:
    """Bind a call in a FROM.

    Raises:
        SnowflakeError: there is no such table function (002141), or its arguments do not fit.
    """
    if isinstance(node, exp.Parameter | exp.Literal):
        return _named_table(node, binder)
    qualifier: list[str] = []
    while isinstance(node, exp.Dot):
        qualifier += (
            [name_of(part) for part in node.this.find_all(exp.Identifier)]
            if not isinstance(node.this, exp.Anonymous)
            else []
        )
        node = node.expression
    name = node.name.replace(MARK, "").upper()
    arguments = Arguments(name, node, binder)
    if qualifier and qualifier[-1] == "INFORMATION_SCHEMA":
        import embedded.snowflake.sql.history_functions  # noqa: F401
        from embedded.snowflake.sql.system_functions import bind_information_function

        return bind_information_function(arguments, qualifier)
    found = _FUNCTIONS.get(name) if not qualifier else None
    if found is not None:
        return found(arguments)
    from embedded.snowflake.sql.user_functions import bind_user_table_function

    return bind_user_table_function(binder, qualifier, name, arguments)


def _named_table(node: exp.Expr, binder: Expressions) -> Relation:
    """`TABLE('name')` and `TABLE($name)`."""
    from embedded.snowflake.sql.relations import bind_table

    table = exp.Table(this=exp.Anonymous(this="IDENTIFIER", expressions=[node]))
    return bind_table(table, binder)[0]


def _flatten(arguments: Arguments) -> Relation:
    """FLATTEN(INPUT => …, PATH => …, OUTER => …, RECURSIVE => …, MODE => …)."""
    binder = arguments.binder
    node = arguments.node("INPUT", 0)
    if node is None:
        raise SqlCompilationError("Missing argument INPUT of function FLATTEN.", 938, "22023")
    value = cast(binder.bind(node), VARIANT, binder.context.zone)
    path = str(arguments.constant("PATH", "") or "")
    keys = path_keys(path)
    value = extract(value, keys) if keys else value
    outer, recursive = bool(arguments.constant("OUTER", False)), bool(arguments.constant("RECURSIVE", False))
    mode = str(arguments.constant("MODE", "BOTH")).upper()
    if mode not in ("BOTH", "OBJECT", "ARRAY"):
        raise SqlCompilationError(f"Invalid value '{mode}' for parameter MODE of FLATTEN.", 1008, "22023")
    return _flattened(value.sql, path, outer, recursive, mode, binder.context)


_FLATTENED = {"SEQ": NUMBER, "KEY": VARCHAR, "PATH": VARCHAR, "INDEX": NUMBER, "VALUE": VARIANT, "THIS": VARIANT}


def _flattened(value: str, path: str, outer: bool, recursive: bool, mode: str, context: Context) -> Relation:
    columns = [OutputColumn(name, kind, name, exact=kind is not NUMBER) for name, kind in _FLATTENED.items()]
    if recursive:
        entries = _flattened_tree(value, path, outer, mode, context)
        return Relation(f"SELECT unnest({entries}, max_depth := 2)", columns, entries)
    entries = f"sf_flatten({value}, {literal(path)})"
    if mode != "BOTH":
        field = "KEY" if mode == "OBJECT" else "INDEX"
        entries = f'list_filter({entries}, lambda e: e."{field}" IS NOT NULL)'
    if outer:
        none = f"sf_flatten_none({literal(path)})"
        entries = f"CASE WHEN coalesce(len({entries}), 0) = 0 THEN {none} ELSE {entries} END"
    whole = f"CAST({value} AS JSON)"
    text = f'SELECT unnest({entries}, max_depth := 2), {whole} AS "THIS"'
    return Relation(text, columns, entries, beside={"THIS": whole})


# The path to each member when only arrays, or only objects, are looked into.
_STEPS = {
    "BOTH": "",
    "ARRAY": " AND regexp_matches({tree}.fullkey, '^\\$(\\[\\d+\\])+$')",
    "OBJECT": " AND NOT contains(regexp_replace({tree}.fullkey, '\"[^\"]*\"', '', 'g'), '[')",
}


def _flattened_tree(value: str, path: str, outer: bool, mode: str, context: Context) -> str:
    """DuckDB text of the list of all members of a value, and of what is in them: each before its own members."""
    tree, prefix = context.alias(), literal(path)
    is_place = f"{tree}.fullkey LIKE '%]'"
    member = f"regexp_replace({tree}.fullkey, '^\\$\\.?', '')"
    whole = (
        f"CASE WHEN {prefix} = '' OR {member} LIKE '[%' THEN {prefix} || {member} ELSE {prefix} || '.' || {member} END"
    )
    entry = (
        f"{{'SEQ': 1, 'KEY': CASE WHEN {is_place} THEN NULL ELSE {tree}.key END, 'PATH': {whole}, "
        f"'INDEX': CASE WHEN {is_place} THEN CAST({tree}.key AS BIGINT) END, "
        f"'VALUE': CASE WHEN sf_has_doubles({value}) THEN sf_get({value}, {tree}.fullkey) ELSE {tree}.value END, "
        f"'THIS': sf_get({value}, {tree}.path)}}"
    )
    steps = _STEPS[mode].format(tree=tree)
    found = (
        f"(SELECT list({entry} ORDER BY {tree}.id) FROM json_tree({value}) AS {tree}"
        f" WHERE {tree}.parent IS NOT NULL{steps})"
    )
    if not outer:
        return found
    none = (
        f"[{{'SEQ': 1, 'KEY': CAST(NULL AS VARCHAR), 'PATH': {prefix}, 'INDEX': CAST(NULL AS BIGINT), "
        f"'VALUE': CAST(NULL AS JSON), 'THIS': CAST({value} AS JSON)}}]"
    )
    return f"coalesce({found}, {none})"


def _generator(arguments: Arguments) -> Relation:
    """GENERATOR(ROWCOUNT => n): rows without columns; without arguments none."""
    count = arguments.constant("ROWCOUNT")
    if count is None and not arguments.named and not arguments.nodes:
        count = 0
    if count is None:
        raise unsupported("GENERATOR with TIMELIMIT only")
    if not isinstance(count, int) or count < 0:
        raise SqlCompilationError(
            f"Invalid value [{count}] for function 'GENERATOR', parameter ROWCOUNT", 1015, "22023"
        )
    return Relation(f'SELECT range AS "~row" FROM range({count})', [])


def _split_to_table(arguments: Arguments) -> Relation:
    """SPLIT_TO_TABLE(text, delimiter), and STRTOK_SPLIT_TO_TABLE(text [, characters])."""
    binder = arguments.binder
    text, *rest = (cast(binder.bind(node), VARCHAR, binder.context.zone).sql for node in arguments.nodes)
    delimiter = rest[0] if rest else "' '"
    if arguments.name == "SPLIT_TO_TABLE":
        items = f"string_split({text}, {delimiter})"
    else:
        items = f"list_filter(string_split_regex({text}, '[' || regexp_escape({delimiter}) || ']'), lambda x: x <> '')"
    entries = f"list_transform({items}, lambda x, i: {{'SEQ': 1, 'INDEX': i, 'VALUE': x}})"
    kinds = {"SEQ": NUMBER, "INDEX": NUMBER, "VALUE": VARCHAR}
    columns = [OutputColumn(name, kind, name, exact=kind is VARCHAR) for name, kind in kinds.items()]
    return Relation(f"SELECT unnest({entries}, max_depth := 2)", columns, entries)


def _result_scan(arguments: Arguments) -> Relation:
    """RESULT_SCAN(query id)."""
    context = arguments.binder.context
    context.reads.volatile = True
    query_id = arguments.constant("QUERY_ID", place=0)
    if query_id is None:
        raise SqlCompilationError("Statement NULL not found", 709, "02000")
    return rows_relation(context, context.account.results.get(str(query_id), context.session.user))


def flow_result(place: int, binder: Expressions) -> Relation:
    """`$n` in a FROM: the result of the nth statement before in a chain of `->>`.

    Raises:
        SqlCompilationError: there are not so many (001003).
    """
    context = binder.context
    flow = context.session.flow
    if not 1 <= place <= len(flow):
        raise SqlCompilationError(f"syntax error: ${place} has no statement before it to read from.", 1003, "42000")
    return rows_relation(context, context.account.results.get(flow[place - 1], context.session.user))


def rows_relation(context: Context, result: Result) -> Relation:
    """A result's rows as a relation: put before DuckDB as a table of the session's own."""
    taken: set[str] = set()
    columns = [
        OutputColumn(column.name, column.type, unique(encode(column.name), taken), column.nullable)
        for column in result.columns
    ]
    name = context.register(result_table(result, [column.duckdb_name for column in columns]))
    parts = ", ".join(_read(column) for column in columns)
    return Relation(f"SELECT {parts} FROM {name}", columns)


def _read(column: OutputColumn) -> str:
    text = quote(column.duckdb_name)
    if column.type.is_semi_structured:
        return f"CAST({text} AS JSON) AS {text}"
    if column.type.kind == "NUMBER":
        return f"CAST({text} AS {column.type.to_duckdb()}) AS {text}"
    return text


def _get_next_value(arguments: Arguments) -> Relation:
    """GETNEXTVAL(sequence): the next value, anew for each row that it is joined to."""
    node = arguments.node("SEQUENCE", 0)
    if not isinstance(node, exp.Column):
        raise SqlCompilationError("argument 1 to function GETNEXTVAL needs to be a sequence", 1015, "42601")
    parts = [*(part.copy() for part in node.parts), exp.to_identifier("NEXTVAL")]
    value = arguments.binder.bind(
        exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(parts), strict=False)))
    )
    entries = f"[{{'NEXTVAL': {value.sql}}}]"
    columns = [OutputColumn("NEXTVAL", NUMBER, "NEXTVAL", False, exact=False)]
    return Relation(f"SELECT unnest({entries}, max_depth := 2)", columns, entries)


def _of_stages(name: str) -> TableFunction:
    """A table function of `stage_functions`, which is imported when one is called."""

    def call(arguments: Arguments) -> Relation:
        from embedded.snowflake.sql import stage_functions

        return getattr(stage_functions, name)(arguments)

    return call


_FUNCTIONS: dict[str, TableFunction] = {
    "INFER_SCHEMA": _of_stages("infer_schema"),
    "DIRECTORY": _of_stages("directory"),
    "VALIDATE": _of_stages("validate"),
    "FLATTEN": _flatten,
    "GENERATOR": _generator,
    "GETNEXTVAL": _get_next_value,
    "SPLIT_TO_TABLE": _split_to_table,
    "STRTOK_SPLIT_TO_TABLE": _split_to_table,
    "RESULT_SCAN": _result_scan,
}


def from_stage(node: exp.Expr, binder: Expressions) -> Relation:
    """Files of a stage as rows: `SELECT $1 FROM @stage/path (FILE_FORMAT => …)`."""
    from embedded.snowflake.storage.stage_scan import stage_scan

    text, columns = stage_scan(binder.context.session, node)
    binder.context.reads.volatile = True
    return Relation(text, [OutputColumn(name, kind, duckdb_name) for name, kind, duckdb_name in columns])


__all__ = ["ARRAY", "Arguments", "Column", "bind_table_function", "from_stage", "rows_relation"]
