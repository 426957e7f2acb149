"""MATCH_RECOGNIZE: rows of a partition that follow a pattern, as one row for each match or as the rows themselves.

The input is bound as any FROM item, policies and all. What DEFINE asks of a row becomes a bit of a number beside the row; the
numbers of a partition go through the pattern as one list (`row_pattern`), and measures are window functions over each match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import canonical, encode, literal, quote
from embedded.snowflake.sql.functions.registry import FUNCTIONS
from embedded.snowflake.sql.parse import MARK, SUBSET
from embedded.snowflake.sql.row_pattern import compile_pattern
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn, name_of, unique
from embedded.snowflake.sql.typed import Typed, integer
from embedded.snowflake.sql.windows import order_item
from embedded.snowflake.types import VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions

_ENDS = {"FIRST", "LAST", "FIRST_VALUE", "LAST_VALUE"}
# Names that no query can write without quotes, for what each row knows of its match.
_PARTITION, _MATCH, _PLACE, _SYMBOL, _MADE = "~partition", "~match", "~place", "~symbol", "~made{}"
_ROWS = {
    "": ("ONE", True, False),
    "ONE ROW PER MATCH": ("ONE", True, False),
    "ALL ROWS PER MATCH": ("ALL", True, False),
    "ALL ROWS PER MATCH SHOW EMPTY MATCHES": ("ALL", True, False),
    "ALL ROWS PER MATCH OMIT EMPTY MATCHES": ("ALL", False, False),
    "ALL ROWS PER MATCH WITH UNMATCHED ROWS": ("ALL", True, True),
}


def bind_match(node: exp.Expr, bind_item: Callable[[exp.Expr, Expressions], str], binder: Expressions) -> Relation:
    """Bind the FROM item of a SELECT under its MATCH_RECOGNIZE.

    Args:
        node: the SELECT.
        bind_item: binds a FROM item into a binder's scope.
        binder: where the SELECT's expressions are bound.

    Raises:
        SnowflakeError: something in it is not known or not supported.
    """
    if node.args.get("joins"):
        raise unsupported("MATCH_RECOGNIZE beside a join (a subquery around it is fine)")
    return _Match(node, bind_item, binder).relation()


class _Match:
    """One MATCH_RECOGNIZE clause under translation."""

    def __init__(self, node: exp.Expr, bind_item: Callable[[exp.Expr, Expressions], str], binder: Expressions) -> None:
        self.clause, self.context = node.args["match"], binder.context
        pattern = self.clause.args.get("pattern")
        if pattern is None:
            raise SqlCompilationError("MATCH_RECOGNIZE needs a PATTERN.", 1003, "42000")
        self.steps, self.symbols = compile_pattern(pattern.name)
        self.subsets = self._subsets()
        self.input = type(binder)(binder.context, Scope(parent=binder.scope.parent), binder.bind_query)
        self.source = bind_item(node.args["from_"].this, self.input)
        self.columns = [column for source in self.input.scope.sources for column in source.columns if not column.hidden]
        self.keys = [(_key_name(item), self.input.bind(item)) for item in self.clause.args.get("partition_by") or []]
        words = (
            re.sub(r"\s+", " ", self.clause.args["rows"].name.strip().upper()) if self.clause.args.get("rows") else ""
        )
        if words not in _ROWS:
            raise unsupported(f"MATCH_RECOGNIZE with {words}")
        self.how, self.empty, self.unmatched = _ROWS[words]
        self.alias = self.context.alias()

    def relation(self) -> Relation:
        """The rows that the clause gives."""
        rows = self._rows()
        columns = [
            SourceColumn(column.name, Typed(f"{self.alias}.c{i}", column.value.type, True, column.value.exact))
            for i, column in enumerate(self.columns)
        ]
        own = [(_PARTITION, "p"), (_MATCH, "m"), (_PLACE, "o"), (_SYMBOL, "s")]
        columns += [SourceColumn(name, integer(f"{self.alias}.{text}"), True) for name, text in own]
        measures = _Measures(self, columns)
        given = self._kept(columns) + [measures.bind(item) for item in self.clause.args.get("measures") or []]
        taken: set[str] = set()
        outputs = [
            (OutputColumn(name, value.type, unique(encode(name), taken), True, value.exact), value)
            for name, value in given
        ]
        for _, value in outputs:
            self.input.note(value.sql)
        parts = [f"{value.sql} AS {quote(column.duckdb_name)}" for column, value in outputs]
        flag = f"{self.alias}.l" if self.how == "ONE" else f"NOT {self.alias}.x"
        text = f"SELECT {', '.join([*parts, f'{flag} AS kept'])} FROM ({rows}) AS {self.alias}"
        names = ", ".join(quote(column.duckdb_name) for column, _ in outputs)
        return Relation(f"SELECT {names} FROM ({text}) WHERE kept", [column for column, _ in outputs])

    def _kept(self, columns: list[SourceColumn]) -> list[tuple[str, Typed]]:
        """The columns before the measures: what partitions the rows, or all of the input's."""
        if self.how == "ALL":
            return [(column.name, column.value) for column in columns if not column.hidden]
        return [
            (name, Typed(f"{self.alias}.k{i}", value.type, value.nullable, value.exact))
            for i, (name, value) in enumerate(self.keys)
        ]

    def _rows(self) -> str:
        """The rows of matches: the input's columns c0 …, keys k0 …, the partition p, and of the match m, o, s, x and l."""
        order = self.clause.args.get("order")
        items = ", ".join(order_item(self.input, item) for item in order.expressions) if order is not None else ""
        for text in (items, *(value.sql for _, value in self.keys)):
            self.input.note(text)
        over = [f"PARTITION BY {', '.join(value.sql for _, value in self.keys)}"] if self.keys else []
        over += [f"ORDER BY {items}"] if items else []
        keys = [f"k{i}" for i in range(len(self.keys))]
        parts = [f"{value.sql} AS k{i}" for i, (_, value) in enumerate(self.keys)]
        parts += [f"{column.value.sql} AS c{i}" for i, column in enumerate(self.columns)]
        parts += [f"row_number() OVER ({' '.join(over)}) AS n", f"{self._mask()} AS mask"]
        names = [f"c{i}" for i in range(len(self.columns))]
        struct = ", ".join(f"'{name}': {name}" for name in names)
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        listed = [*keys, f"list({{{struct}}} ORDER BY n) AS members", "list(mask ORDER BY n) AS masks"]
        text = f"SELECT {', '.join(listed)} FROM (SELECT {', '.join(parts)} FROM {self.source}){group}"
        found = f"py_match_rows(masks, {literal(json.dumps(self._specification()))}) AS found"
        text = f"SELECT {', '.join([*keys, 'row_number() OVER () AS p', 'members', found])} FROM ({text})"
        chosen = "unnest(list_select(members, list_transform(found, lambda e: e.r))) AS member"
        text = f"SELECT {', '.join([*keys, 'p', chosen, 'unnest(found) AS e'])} FROM ({text})"
        final = [
            *keys,
            "p",
            *(f"member.{name} AS {name}" for name in names),
            *(f"e.{name} AS {name}" for name in "mosxl"),
        ]
        return f"SELECT {', '.join(final)} FROM ({text})"

    def _specification(self) -> dict[str, object]:
        skip, symbol = "PAST", None
        after = self.clause.args.get("after")
        if after is not None:
            words = after.name.split()[3:]
            skip = words[0].upper() if words[0].upper() == "PAST" else words[1].upper() if len(words) > 1 else ""
            if skip not in ("PAST", "NEXT"):
                name = canonical(words[-1].strip('"'), words[-1].startswith('"'))
                if name in self.subsets:
                    raise unsupported("AFTER MATCH SKIP TO a SUBSET")
                symbol = self.symbol(name)
                skip = "FIRST" if len(words) == 3 and skip == "FIRST" else "LAST"
        return {"steps": self.steps, "skip": skip, "symbol": symbol, "empty": self.empty, "unmatched": self.unmatched}

    def _subsets(self) -> dict[str, list[int]]:
        """The numbers of the symbols of each SUBSET.

        Raises:
            SqlCompilationError: one names a symbol that the pattern has not (000904).
        """
        found = {}
        for item in self.clause.args.get("define") or []:
            name = name_of(item.args["alias"])
            if name.startswith(SUBSET):
                members = item.this.expressions if isinstance(item.this, exp.Tuple) else [item.this.this]
                found[name.removeprefix(SUBSET)] = [self.symbol(name_of(member.this)) for member in members]
        return found

    def symbols_of(self, name: str) -> list[int]:
        """The numbers of the symbols that a name stands for: one symbol, or those of a SUBSET."""
        return self.subsets[name] if name in self.subsets else [self.symbol(name)]

    def symbol(self, name: str) -> int:
        """The number of a symbol.

        Raises:
            SqlCompilationError: the pattern has none of that name (000904).
        """
        if name not in self.symbols:
            raise SqlCompilationError(f"invalid identifier '{name}'", 904, "42000")
        return self.symbols.index(name)

    def _mask(self) -> str:
        """The number whose bits are the symbols that a row satisfies; one that DEFINE does not name is any row."""
        defined = {name_of(item.args["alias"]): item.this for item in self.clause.args.get("define") or []}
        bits = []
        for place, name in enumerate(self.symbols):
            if name not in defined:
                bits.append(str(1 << place))
                continue
            condition = self.input.filter(self._physical(defined[name].copy(), name))
            bits.append(f"(CASE WHEN {condition} THEN {1 << place} ELSE 0 END)")
        return f"CAST({' + '.join(bits)} AS BIGINT)"

    def _physical(self, node: exp.Expr, own: str) -> exp.Expr:
        """A condition of DEFINE over the rows of the partition: LAG and LEAD with its OVER, its own symbol's columns without it."""

        def change(item: exp.Expr) -> exp.Expr:
            if (
                isinstance(item, exp.Column)
                and item.table
                and name_of(item.args["table"]) in (*self.symbols, *self.subsets)
            ):
                if name_of(item.args["table"]) != own:
                    raise unsupported("DEFINE that looks at rows of another symbol")
                return exp.Column(this=item.this)
            name = item.name.replace(MARK, "").upper() if isinstance(item, exp.Anonymous) else ""
            if name in _ENDS or name in ("CLASSIFIER", "MATCH_NUMBER", "MATCH_SEQUENCE_NUMBER") or _is_aggregate(item):
                raise unsupported(f"{name} in DEFINE")
            if name in ("LAG", "LEAD") and not isinstance(item.parent, exp.Window):
                keys = [key.copy() for key in self.clause.args.get("partition_by") or []]
                order = self.clause.args.get("order")
                return exp.Window(this=item, partition_by=keys, order=order.copy() if order is not None else None)
            return item

        return node.transform(change)


class _Measures:
    """Binds measures over the rows of matches."""

    def __init__(self, match: _Match, columns: list[SourceColumn]) -> None:
        self.match = match
        self.columns = columns
        self.scope = Scope([Source("", columns)])
        self.binder = type(match.input)(match.context, self.scope, match.input.bind_query)

    def bind(self, measure: exp.Expr) -> tuple[str, Typed]:
        """A measure's name and value.

        Raises:
            SnowflakeError: as for any expression; it mixes symbols in one call, or has no name.
        """
        item = measure.this if isinstance(measure, exp.MatchRecognizeMeasure) else measure
        word = str(measure.args.get("window_frame") or "").upper() if item is not measure else ""
        if not isinstance(item, exp.Alias):
            raise SqlCompilationError("MATCH_RECOGNIZE: a measure needs a name (AS …).", 1003, "42000")
        running = self.match.how == "ALL" and word != "FINAL"
        return name_of(item.args["alias"]), self.binder.bind(self._replaced(item.this.copy(), running))

    def _replaced(self, node: exp.Expr, running: bool) -> exp.Expr:
        """The measure with each thing that depends on the match as a column of its own."""

        def change(item: exp.Expr) -> exp.Expr:
            value = self._of_match(item, running)
            if value is None:
                return item
            name = _MADE.format(len(self.columns))
            self.columns.append(SourceColumn(name, value, True))
            return exp.Column(this=exp.to_identifier(name, quoted=True))

        return node.transform(change)

    def _of_match(self, item: exp.Expr, running: bool) -> Typed | None:
        name = item.name.replace(MARK, "").upper() if isinstance(item, exp.Anonymous) else ""
        alias = self.match.alias
        if name == "MATCH_NUMBER":
            return integer(f"{alias}.m")
        if name == "MATCH_SEQUENCE_NUMBER":
            return integer(f"{alias}.o")
        if name == "CLASSIFIER":
            return Typed(f"([{', '.join(map(literal, self.match.symbols))}])[{alias}.s]", VARCHAR)
        if name in _ENDS:
            return self._end(name[:5].startswith("FIRST"), item.expressions, running)
        if _is_aggregate(item):
            return self._aggregate(item, running)
        if isinstance(item, exp.Column) and not (isinstance(item.this, exp.Identifier) and item.name.startswith("~")):
            return self._end(False, [item], running)
        return None

    def _end(self, first: bool, arguments: list[exp.Expr], running: bool) -> Typed:
        """FIRST and LAST: the value in the first or last row of the match, or of a symbol, so and so many rows further in."""
        argument, symbol = self._plain(arguments[0])
        value = self.binder.bind(argument)
        steps = int(arguments[1].name) if len(arguments) > 1 else 0
        # A struct, so that a NULL in the row is kept.
        held = f"CASE WHEN {self._condition(symbol)} THEN {{'v': {value.sql}}} END"
        over = self._over(running)
        if first:
            found = f"nth_value({held}, {steps + 1} IGNORE NULLS){over}"
        elif not steps:
            found = f"last_value({held} IGNORE NULLS){over}"
        else:
            found = f"(list_filter(list({held}){over}, lambda h: h IS NOT NULL))[-{steps + 1}]"
        return Typed(f"({found}).v", value.type, True, value.exact)

    def _aggregate(self, call: exp.Expr, running: bool) -> Typed:
        argument = call.expressions[0] if call.expressions else exp.Star()
        starred = isinstance(argument, exp.Star) or (isinstance(argument, exp.Column) and argument.is_star)
        if starred:
            table = argument.args.get("table") if isinstance(argument, exp.Column) else None
            symbol = name_of(table) if table is not None else None
            taken: exp.Expr = exp.Literal.number(1)
        else:
            distinct = isinstance(argument, exp.Distinct)
            taken, symbol = self._plain(argument.expressions[0] if distinct else argument)
        column = exp.Column(this=exp.to_identifier(_SYMBOL, quoted=True))
        test: exp.Expr = exp.Is(this=column, expression=exp.Null()).not_()
        if symbol is not None:
            places = [exp.Literal.number(place + 1) for place in self.match.symbols_of(symbol)]
            test = exp.In(this=column, expressions=places)
        chosen: exp.Expr = exp.Case(ifs=[exp.If(this=test, true=taken)])
        if isinstance(argument, exp.Distinct):
            chosen = exp.Distinct(expressions=[chosen])
        counted = exp.Anonymous(this=call.this, expressions=[chosen, *call.expressions[1:]])
        return self.binder.bind(self._window(counted, running))

    def _window(self, call: exp.Expr, running: bool) -> exp.Expr:
        names = {name: exp.Column(this=exp.to_identifier(name, quoted=True)) for name in (_PARTITION, _MATCH, _PLACE)}
        order = exp.Order(expressions=[exp.Ordered(this=names[_PLACE])])
        end, side = ("CURRENT ROW", None) if running else ("UNBOUNDED", "FOLLOWING")
        spec = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=end, end_side=side)
        return exp.Window(this=call, partition_by=[names[_PARTITION], names[_MATCH]], order=order, spec=spec)

    def _over(self, running: bool) -> str:
        alias, end = self.match.alias, "CURRENT ROW" if running else "UNBOUNDED FOLLOWING"
        frame = f"ROWS BETWEEN UNBOUNDED PRECEDING AND {end}"
        return f" OVER (PARTITION BY {alias}.p, {alias}.m ORDER BY {alias}.o {frame})"

    def _condition(self, symbol: str | None) -> str:
        if symbol is None:
            return f"{self.match.alias}.s IS NOT NULL"
        return f"{self.match.alias}.s IN ({', '.join(str(place + 1) for place in self.match.symbols_of(symbol))})"

    def _plain(self, node: exp.Expr) -> tuple[exp.Expr, str | None]:
        """An argument without the symbol that its columns are named by, and that symbol.

        Raises:
            SqlCompilationError: its columns are of several symbols, or some of one and some of none (001003).
        """
        node = node.copy()
        columns = [column for column in node.find_all(exp.Column) if not column.name.startswith("~")]
        found = {name_of(column.args["table"]) if column.table else None for column in columns}
        if len(found) > 1:
            raise SqlCompilationError("MATCH_RECOGNIZE: one call reads rows of several symbols.", 1003, "42000")
        for column in columns:
            column.set("table", None)
        return node, next(iter(found), None)


def _is_aggregate(item: exp.Expr) -> bool:
    found = FUNCTIONS.get(item.name.replace(MARK, "").upper()) if isinstance(item, exp.Anonymous) else None
    return found is not None and found.aggregate


def _key_name(item: exp.Expr) -> str:
    return name_of(item.this) if isinstance(item, exp.Column) else item.sql("snowflake").replace(MARK, "").upper()
