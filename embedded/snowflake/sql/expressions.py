"""Expressions: from a node of the tree to DuckDB text with a Snowflake type."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from sqlglot import exp

from embedded.snowflake.collation import merged
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, unsupported
from embedded.snowflake.sql import arithmetic
from embedded.snowflake.sql.coerce import cast, common, comparison, to_number
from embedded.snowflake.sql.collate import bind_collate, collated, refuse_pattern, with_collation
from embedded.snowflake.sql.dates import add_interval, bind_interval, subtract
from embedded.snowflake.sql.fence import may_fail
from embedded.snowflake.sql.functions.arguments import read_call
from embedded.snowflake.sql.functions.registry import FUNCTIONS, check_arguments, unknown_function, without_null
from embedded.snowflake.sql.parse import MARK, parse_expression
from embedded.snowflake.sql.paths import bind_bracket, bind_path
from embedded.snowflake.sql.placement import at_place, written
from embedded.snowflake.sql.references import References
from embedded.snowflake.sql.typed import INTERVAL, Typed, boolean, null, number_literal, of_value, text_literal, varchar
from embedded.snowflake.sql.windows import over_clause
from embedded.snowflake.types import BINARY, BOOLEAN, VARCHAR, VARIANT, DataType, parse_type


class Expressions(References):
    """Binds expressions in one scope."""

    def bind_of_row(self, node: exp.Expr) -> Typed:
        """Bind an expression as each row has it."""
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        if isinstance(node, exp.Func):
            return self.call(_as_written(node))
        if isinstance(node, exp.Query):
            return self.scalar_subquery(node)
        raise unsupported(node.sql("snowflake").replace(MARK, ""))

    # -- operators

    def arithmetic(self, node: exp.Expr) -> Typed:
        """`+`, `-`, `*`, `/`, `%`, of numbers, or of dates and intervals."""
        left, right = self.bind(node.this), self.bind(node.expression)
        if isinstance(node, exp.Add | exp.Sub):
            temporal = _temporal(left, right, isinstance(node, exp.Sub), self.context.zone)
            if temporal is not None:
                return temporal
        zone = self.context.zone
        try:
            return _ARITHMETIC[type(node)](to_number(left, zone), to_number(right, zone))
        except SqlCompilationError as error:
            if error.errno != 1044:
                raise
            kinds = f"({left.type}, {right.type})"
            sign = _SIGNS[type(node)]
            raise SqlCompilationError(
                f"Invalid argument types for function '{sign}': {kinds}", 1044, "42P13"
            ) from error

    def compare(self, node: exp.Expr) -> Typed:
        """`=`, `<`, `IS DISTINCT FROM` …"""
        if isinstance(node.this, exp.Tuple) or isinstance(node.expression, exp.Tuple):
            return self._compare_rows(node)
        if isinstance(node.expression, exp.All | exp.Any):
            return self._compare_with_query(node)
        left, right = self.bind(node.this), self.bind(node.expression)
        a, b = comparison(left, right, self.context.zone, type(node) in _ORDERED)
        return boolean(f"({a} {_COMPARISONS[type(node)]} {b})", left.nullable or right.nullable)

    def _compare_with_query(self, node: exp.Expr) -> Typed:
        """`x <> ALL (query)`, which is also how sqlglot gives NOT IN, and `x = ANY (query)`."""
        query = node.expression.this
        left = self.bind(node.this)
        relation = self.bind_query(query.this if isinstance(query, exp.Subquery) else query, self.context, self.scope)
        if len(relation.columns) != 1:
            raise SqlCompilationError("Invalid argument count in subquery.", 2001, "42601")
        alias, column = self.context.alias(), relation.columns[0]
        right = Typed(f'{alias}."{column.duckdb_name}"', column.type, column.nullable, column.exact)
        a, b = comparison(left, right, self.context.zone)
        word = "ALL" if isinstance(node.expression, exp.All) else "ANY"
        return boolean(f"({a} {_COMPARISONS[type(node)]} {word} (SELECT {b} FROM ({relation.sql}) AS {alias}))")

    def _compare_rows(self, node: exp.Expr) -> Typed:
        sides = [side.expressions if isinstance(side, exp.Tuple) else [side] for side in (node.this, node.expression)]
        if len(sides[0]) != len(sides[1]) or not isinstance(node, exp.EQ | exp.NEQ):
            raise unsupported("comparison of rows")
        parts = [self.compare(exp.EQ(this=a, expression=b)).sql for a, b in zip(*sides, strict=True)]
        joined = f"({' AND '.join(parts)})"
        return boolean(joined if isinstance(node, exp.EQ) else f"(NOT {joined})")

    def connect(self, node: exp.Expr) -> Typed:
        """AND, OR: long chains without deep recursion."""
        word = " AND " if isinstance(node, exp.And) else " OR "
        parts: list[Typed] = []
        todo = [node]
        while todo:
            item = todo.pop()
            if type(item) is type(node):
                todo += [item.expression, item.this]
            else:
                parts.append(self.truth(item))
        return boolean(f"({word.join(part.sql for part in parts)})", any(part.nullable for part in parts))

    def truth(self, node: exp.Expr) -> Typed:
        """An expression as a truth value.

        Raises:
            SqlCompilationError: it is of another type, which no condition is (001038).
        """
        value = self.bind(node)
        if value.type.kind not in ("BOOLEAN", "VARIANT", "NULL"):
            raise SqlCompilationError(
                f"Can not convert parameter '{written(node, self)}' of type [{value.type}] into expected type [BOOLEAN]",
                1038,
                "22023",
            )
        return cast(value, BOOLEAN, self.context.zone)

    def condition(self, node: exp.Expr) -> str:
        """The text of an expression as a truth value."""
        return self.truth(node).sql

    def filter(self, node: exp.Expr) -> str:
        """The text of a condition that rows must meet; that it could fail is noted."""
        text = self.condition(node)
        self.note(text)
        return text

    def note(self, text: str) -> None:
        """Note that a text that conditions may be made of could fail."""
        if not self.context.policies and not self.context.reads.may_fail:
            self.context.reads.may_fail = may_fail(text)

    def negation(self, node: exp.Expr) -> Typed:
        """NOT."""
        inner = self.truth(node.this)
        return boolean(f"(NOT {inner.sql})", inner.nullable)

    def minus(self, node: exp.Expr) -> Typed:
        """The sign."""
        return arithmetic.negate(to_number(self.bind(node.this), self.context.zone))

    def is_(self, node: exp.Expr) -> Typed:
        """IS NULL, IS TRUE and IS FALSE."""
        left = self.bind(node.this)
        if isinstance(node.expression, exp.Boolean):
            word = "TRUE" if node.expression.this else "FALSE"
            return boolean(f"({cast(left, BOOLEAN, self.context.zone).sql} IS {word})", False)
        return boolean(f"({left.sql} IS NULL)", False)

    def concatenate(self, node: exp.Expr) -> Typed:
        """`||`."""
        left, right = self.bind(node.this), self.bind(node.expression)
        length = sum(
            side.type.length if side.type.kind == "VARCHAR" and side.type.length else 39 for side in (left, right)
        )
        a, b = (cast(side, VARCHAR, self.context.zone).sql for side in (left, right))
        kind = with_collation(varchar(length), *merged([left.type, right.type]))
        return Typed(f"({a} || {b})", kind, left.nullable or right.nullable)

    def between(self, node: exp.Expr) -> Typed:
        """BETWEEN."""
        low = exp.GTE(this=node.this, expression=node.args["low"])
        high = exp.LTE(this=node.this, expression=node.args["high"])
        sides = [self.compare(low), self.compare(high)]
        return boolean(f"({sides[0].sql} AND {sides[1].sql})", any(side.nullable for side in sides))

    def in_(self, node: exp.Expr) -> Typed:
        """IN, of a list or a subquery."""
        query = node.args.get("query")
        if query is not None:
            return self._in_query(node, query)
        if isinstance(node.this, exp.Tuple):
            parts = [self.compare(exp.EQ(this=node.this, expression=item)).sql for item in node.expressions]
            return boolean(f"({' OR '.join(parts)})")
        left = self.bind(node.this)
        items = [self.bind(item) for item in node.expressions]
        nullable = left.nullable or any(item.nullable for item in items)
        if left.type.has_key or any(item.type.has_key or item.type.kind != left.type.kind for item in items):
            parts = ["({} = {})".format(*comparison(left, item, self.context.zone)) for item in items]
            return boolean(f"({' OR '.join(parts)})", nullable)
        return boolean(f"({left.sql} IN ({', '.join(item.sql for item in items)}))", nullable)

    def _in_query(self, node: exp.Expr, query: exp.Expr) -> Typed:
        relation = self.bind_query(query.this if isinstance(query, exp.Subquery) else query, self.context, self.scope)
        sides = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
        lefts = [self.bind(side) for side in sides]
        if len(lefts) != len(relation.columns):
            raise SqlCompilationError("Invalid argument count in IN subquery.", 2001, "42601")
        alias, pairs = self.context.alias(), []
        for left, column in zip(lefts, relation.columns, strict=True):
            right = Typed(f'{alias}."{column.duckdb_name}"', column.type, column.nullable, column.exact)
            pairs.append(comparison(left, right, self.context.zone))
        left_text = pairs[0][0] if len(pairs) == 1 else f"({', '.join(pair[0] for pair in pairs)})"
        select = pairs[0][1] if len(pairs) == 1 else f"({', '.join(pair[1] for pair in pairs)})"
        return boolean(f"({left_text} IN (SELECT {select} FROM ({relation.sql}) AS {alias}))")

    def like(self, node: exp.Expr) -> Typed:
        """LIKE and ILIKE, with ESCAPE, and ANY or ALL of a list."""
        pattern, escape = node.expression, None
        word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
        if isinstance(pattern, exp.Any | exp.All):
            joiner = " OR " if isinstance(pattern, exp.Any) else " AND "
            inner = pattern.this.this if isinstance(pattern.this, exp.Paren) else pattern.this
            items = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
            made = [self._like(node.this, word, item, None) for item in items]
            return boolean(f"({joiner.join(part.sql for part in made)})", any(part.nullable for part in made))
        return self._like(node.this, word, pattern, escape)

    def escape(self, node: exp.Expr) -> Typed:
        """LIKE … ESCAPE."""
        like = node.this
        word = "ILIKE" if isinstance(like, exp.ILike) else "LIKE"
        return self._like(like.this, word, like.expression, node.expression)

    def _like(self, subject: exp.Expr, word: str, pattern: exp.Expr, escape: exp.Expr | None) -> Typed:
        zone = self.context.zone
        left, right = (cast(self.bind(side), VARCHAR, zone) for side in (subject, pattern))
        refuse_pattern(word, left, right)
        tail = f" ESCAPE {cast(self.bind(escape), VARCHAR, zone).sql}" if escape is not None else ""
        return boolean(f"({left.sql} {word} {right.sql}{tail})", left.nullable or right.nullable)

    # -- branches and casts

    def case(self, node: exp.Expr) -> Typed:
        """CASE, searched or of a subject."""
        branches = [(branch.this, self.bind(branch.args["true"])) for branch in node.args["ifs"]]
        default = self.bind(node.args["default"]) if node.args.get("default") is not None else null()
        kind = common([*(value.type for _, value in branches), default.type], "CASE")
        subject = node.this
        parts = []
        for condition, value in branches:
            test = (
                self.condition(condition)
                if subject is None
                else self.compare(exp.EQ(this=subject, expression=condition)).sql
            )
            parts.append(f"WHEN {test} THEN {cast(value, kind, self.context.zone).stored}")
        nullable = default.nullable or any(value.nullable for _, value in branches)
        return Typed(
            f"(CASE {' '.join(parts)} ELSE {cast(default, kind, self.context.zone).stored} END)", kind, nullable
        )

    def cast(self, node: exp.Expr) -> Typed:
        """CAST, `::` and TRY_CAST."""
        value, target = self.bind(node.this), self.data_type(node.args["to"])
        if isinstance(node, exp.TryCast) and value.type.kind not in ("VARCHAR", "NULL"):
            message = f"TRY_CAST cannot be used with arguments of types {value.type} and {target}"
            raise SqlCompilationError(message, 1065, "22023")
        return cast(value, target, self.context.zone, isinstance(node, exp.TryCast))

    def data_type(self, node: exp.Expr) -> DataType:
        """The Snowflake type that a type node names."""
        text = node.sql("snowflake").replace(MARK, "")
        if text.upper() == "TIMESTAMP":
            text = self.context.parameter("TIMESTAMP_TYPE_MAPPING")
        return parse_type(text.split("<")[0])

    # -- queries

    def scalar_subquery(self, node: exp.Expr) -> Typed:
        """A query in parentheses that gives one value."""
        query = node.this if isinstance(node, exp.Subquery) else node
        if not isinstance(query, exp.Query):
            return self.bind(query)
        relation = self.bind_query(query, self.context, self.scope)
        if len(relation.columns) != 1:
            raise SqlCompilationError("Scalar subquery must select exactly one column.", 2048, "42601")
        column = relation.columns[0]
        return Typed(f"({relation.sql})", column.type, True, column.exact)

    def exists(self, node: exp.Expr) -> Typed:
        """EXISTS."""
        query = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        return boolean(f"EXISTS ({self.bind_query(query, self.context, self.scope).sql})", False)

    # -- calls

    def call(
        self,
        node: exp.Expr,
        over: exp.Expr | None = None,
        order: list[Any] | None = None,
        ignore: bool | None = None,
    ) -> Typed:
        """A function call; `over`, `order` and `ignore` come from OVER, WITHIN GROUP and IGNORE NULLS around it."""
        name = node.name.replace(MARK, "").upper()
        found = FUNCTIONS.get(name)
        if name == "IDENTIFIER" and len(node.expressions) == 1:
            return self._identified(node.expressions[0])
        if found is None:
            return self.user_function(name, node.expressions)
        call = read_call(name, node.expressions, self)
        call.order = order or []
        call.ignore_nulls = call.ignore_nulls if ignore is None else ignore
        with at_place(node):
            check_arguments(found, call)
        if over is not None:
            if not (found.aggregate or found.window):
                raise SqlCompilationError(f"Invalid function type [{name}] for window function.", 2303, "42601")
            call.over = over_clause(self, over, call)
        elif found.window:
            raise SqlCompilationError(
                f"Window function type requires OVER clause to be specified: [{name}]", 2302, "42601"
            )
        with at_place(node), self.each_row(True) if found.aggregate and over is None else nullcontext():
            return collated(without_null(found.make(call), call), call)

    def _identified(self, node: exp.Expr) -> Typed:
        """`IDENTIFIER('column')`.

        Raises:
            SqlCompilationError: its argument is no constant text (001015).
        """
        value = self.bind(node)
        if not value.is_constant or not isinstance(value.value, str):
            raise SqlCompilationError("argument to IDENTIFIER must be a constant text", 1015, "42601")
        return self.bind(parse_expression(value.value))

    def user_function(self, name: str, nodes: list[exp.Expr]) -> Typed:
        """A call of what is no built-in function."""
        from embedded.snowflake.sql.user_functions import bind_user_function

        made = bind_user_function(self, name, nodes)
        if made is None:
            raise unknown_function(name)
        return made

    def dotted(self, node: exp.Expr) -> Typed:
        """`SCHEMA.FUNCTION(…)`."""
        from embedded.snowflake.sql.user_functions import bind_dotted

        if not isinstance(node.expression, exp.Anonymous):
            raise unsupported(node.sql("snowflake").replace(MARK, ""))
        return bind_dotted(self, node)

    def window(self, node: exp.Expr) -> Typed:
        """A call with OVER."""
        return self._modified(node.this, node)

    def modified(self, node: exp.Expr) -> Typed:
        """A call with WITHIN GROUP or IGNORE NULLS, without OVER."""
        return self._modified(node, None)

    def _modified(self, node: exp.Expr, over: exp.Expr | None) -> Typed:
        order: list[Any] = []
        ignore: bool | None = None
        while isinstance(node, exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
            if isinstance(node, exp.WithinGroup):
                order = node.expression.expressions
            elif isinstance(node, exp.Filter):
                raise unsupported("FILTER")
            else:
                ignore = isinstance(node, exp.IgnoreNulls)
            node = node.this
        call = node if isinstance(node, exp.Anonymous) else _as_written(node)
        return self.call(call, over, order, ignore)


def _as_written(node: exp.Expr) -> exp.Expr:
    """A function that sqlglot keeps as its own node, as a plain call again."""
    name = _KEYWORD_CALLS.get(type(node))
    if name is not None:
        return exp.Anonymous(this=name, expressions=[node.this] if node.args.get("this") is not None else [])
    again = parse_expression(node.sql("snowflake"))
    if isinstance(again, exp.Anonymous):
        return again
    raise unsupported(node.sql("snowflake"))


def _extract(binder: Expressions, node: exp.Expr) -> Typed:
    return binder.call(exp.Anonymous(this="DATE_PART", expressions=[node.this, node.expression]))


def _position(binder: Expressions, node: exp.Expr) -> Typed:
    start = [node.args["position"]] if node.args.get("position") is not None else []
    return binder.call(exp.Anonymous(this="POSITION", expressions=[node.args["substr"], node.this, *start]))


def _object(binder: Expressions, node: exp.Expr) -> Typed:
    """`{'a': 1}`."""
    flat: list[exp.Expr] = []
    for pair in node.expressions:
        if pair.is_star:
            flat.append(pair)
            continue
        key = pair.this
        flat += [exp.Literal.string(key.name) if isinstance(key, exp.Identifier) else key, pair.expression]
    return binder.call(exp.Anonymous(this="OBJECT_CONSTRUCT", expressions=flat))


def _array(binder: Expressions, node: exp.Expr) -> Typed:
    return binder.call(exp.Anonymous(this="ARRAY_CONSTRUCT", expressions=node.expressions))


def _literal(_: Expressions, node: exp.Expr) -> Typed:
    return text_literal(node.this) if node.args.get("is_string") else number_literal(node.this)


def _temporal(left: Typed, right: Typed, minus: bool, zone: str) -> Typed | None:
    """The sum or difference of a date or timestamp and a number of days, an interval, or another date."""
    if right.type is INTERVAL:
        return add_interval(left, right, minus, zone)
    if left.type is INTERVAL and not minus:
        return add_interval(right, left, False, zone)
    return subtract(left, right, minus)


def _refused(name: str) -> Callable[[Expressions, exp.Expr], Typed]:
    def refuse(_: Expressions, __: exp.Expr) -> Typed:
        raise unsupported(name)

    return refuse


_KEYWORD_CALLS: dict[type, str] = {
    exp.CurrentDate: "CURRENT_DATE",
    exp.CurrentTime: "CURRENT_TIME",
    exp.CurrentTimestamp: "CURRENT_TIMESTAMP",
    exp.CurrentDatetime: "CURRENT_TIMESTAMP",
    exp.CurrentUser: "CURRENT_USER",
    exp.CurrentRole: "CURRENT_ROLE",
    exp.Localtime: "LOCALTIME",
    exp.Localtimestamp: "LOCALTIMESTAMP",
}
_ARITHMETIC: dict[type, Callable[..., Typed]] = {
    exp.Add: arithmetic.add,
    exp.Sub: lambda left, right: arithmetic.add(left, right, "-"),
    exp.Mul: arithmetic.multiply,
    exp.Div: arithmetic.divide,
    exp.Mod: arithmetic.modulo,
}
_SIGNS: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_ORDERED = frozenset({exp.LT, exp.LTE, exp.GT, exp.GTE})
_COMPARISONS: dict[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_METHODS: dict[type, Callable[[Expressions, Any], Typed]] = {
    exp.Column: Expressions.column,
    exp.Parameter: Expressions.parameter,
    exp.Placeholder: Expressions.placeholder,
    exp.Literal: _literal,
    exp.RawString: lambda _, node: text_literal(node.this),
    exp.Null: lambda _, __: null(),
    exp.Boolean: lambda _, node: of_value(bool(node.this)),
    exp.Paren: lambda binder, node: binder.bind(node.this),
    exp.Alias: lambda binder, node: binder.bind(node.this),
    **dict.fromkeys(_ARITHMETIC, Expressions.arithmetic),
    **dict.fromkeys(_COMPARISONS, Expressions.compare),
    exp.And: Expressions.connect,
    exp.Or: Expressions.connect,
    exp.Not: Expressions.negation,
    exp.Neg: Expressions.minus,
    exp.Is: Expressions.is_,
    exp.DPipe: Expressions.concatenate,
    exp.Collate: bind_collate,
    exp.Between: Expressions.between,
    exp.In: Expressions.in_,
    exp.Like: Expressions.like,
    exp.ILike: Expressions.like,
    exp.Escape: Expressions.escape,
    exp.Case: Expressions.case,
    exp.Cast: Expressions.cast,
    exp.TryCast: Expressions.cast,
    exp.Subquery: Expressions.scalar_subquery,
    exp.Exists: Expressions.exists,
    exp.Any: _refused("ANY or ALL of a subquery"),
    exp.Anonymous: Expressions.call,
    exp.Window: Expressions.window,
    exp.WithinGroup: Expressions.modified,
    exp.IgnoreNulls: Expressions.modified,
    exp.RespectNulls: Expressions.modified,
    exp.Filter: Expressions.modified,
    exp.Dot: Expressions.dotted,
    exp.HexString: lambda _, node: Typed(f"unhex('{node.this}')", BINARY, False),
    exp.Extract: _extract,
    exp.StrPosition: _position,
    exp.Struct: _object,
    exp.Array: _array,
    exp.Interval: lambda _, node: bind_interval(node),
    exp.JSONExtract: bind_path,
    exp.Bracket: bind_bracket,
    exp.PropertyEQ: _refused(":="),
    exp.Star: _refused("* in an expression"),
}

__all__ = ["VARIANT", "Expressions", "SnowflakeError"]
