"""What the names in an expression refer to: columns, aliases, sequences, places, variables, binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.scope import Relation, Scope, name_of, unknown_column
from embedded.snowflake.sql.typed import Typed, of_value

BindQuery = Callable[[exp.Expr, Context, Scope | None], Relation]


class References:
    """Binds names in one scope; `bind` is the whole expression's, for select aliases."""

    def __init__(self, context: Context, scope: Scope, bind_query: BindQuery) -> None:
        self.context = context
        self.scope = scope
        self.bind_query = bind_query
        # Columns to be made beside the rows of the FROM before anything else, each with its text; None where there are none.
        self.beside: dict[str, str] | None = None
        # What stands for a VARIANT that rows are grouped by, by its text: its group may have it in more than one form (10 and 1e1).
        self.grouped: dict[str, str] = {}
        # Numbers of the rows that aggregates are made of, by the columns beside the rows that hold them.
        self.row_beside: dict[str, str] = {}
        self.in_aggregate = False

    def bind(self, node: exp.Expr) -> Typed:
        """Bind an expression.

        Raises:
            SnowflakeError: a name, function or type in it is not known, or it is not supported.
        """
        made = self.bind_of_row(node)
        return replace(made, sql=self.grouped[made.sql]) if made.sql in self.grouped else made

    def bind_of_row(self, node: exp.Expr) -> Typed:
        """Bind an expression as each row has it."""
        raise NotImplementedError

    @contextmanager
    def each_row(self, in_aggregate: bool = False) -> Iterator[None]:
        """Bind what is asked of each row and not of each group."""
        kept = self.grouped, self.in_aggregate
        self.grouped, self.in_aggregate = {}, in_aggregate
        try:
            yield
        finally:
            self.grouped, self.in_aggregate = kept

    def row_number(self) -> str:
        """DuckDB text of the number of the row, from 1: no window function may stand in an aggregate."""
        if not self.in_aggregate:
            return "row_number() OVER ()"
        name = next(iter(self.row_beside), None) or self.context.alias()
        self.row_beside[name] = "row_number() OVER ()"
        return name

    def column(self, node: exp.Column) -> Typed:
        """A column, a select alias, or a session variable by its place (`$1`)."""
        if isinstance(node.this, exp.Parameter):
            return self._positional(node.this, tuple(name_of(part) for part in node.parts[:-1]))
        if isinstance(node.this, exp.Star):
            raise unsupported("* in an expression")
        if node.args.get("join_mark"):
            raise unsupported("(+) outside of WHERE")
        name, qualifier = name_of(node.this), tuple(name_of(part) for part in node.parts[:-1])
        found = self.find(name, qualifier)
        if found is None and name == "NEXTVAL" and qualifier:
            return self._next_value(qualifier)
        if found is None:
            raise unknown_column(node, ".".join([*qualifier, name]) if qualifier else name)
        return found

    def _next_value(self, qualifier: tuple[str, ...]) -> Typed:
        """`sequence.NEXTVAL`."""
        from embedded.snowflake.names import ObjectName
        from embedded.snowflake.security.privileges import reach
        from embedded.snowflake.storage.sequences import next_value_of

        self.context.reads.repeatable = False
        return next_value_of(reach(self.context.session, "SEQUENCE", ObjectName.of(list(qualifier)), "USAGE"))

    def find(self, name: str, qualifier: tuple[str, ...]) -> Typed | None:
        """What a name means: a bound alias, a source's column, a select alias, or one of the query around."""
        scope: Scope | None = self.scope
        while scope is not None:
            if not qualifier and name in scope.bound_aliases:
                return scope.bound_aliases[name]
            found = scope.column(name, qualifier)
            if found is None and not qualifier and name in scope.aliases and name not in scope.resolving:
                found = self._alias(scope, name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def _alias(self, scope: Scope, name: str) -> Typed:
        scope.resolving.add(name)
        try:
            binder = type(self)(self.context, scope, self.bind_query)
            binder.grouped = self.grouped if scope is self.scope else {}
            binder.in_aggregate, binder.row_beside = self.in_aggregate, self.row_beside
            return binder.bind(scope.aliases[name])
        finally:
            scope.resolving.discard(name)

    def _positional(self, node: exp.Expr, qualifier: tuple[str, ...]) -> Typed:
        text = node.this.name
        if not text.isdigit():
            return self._variable(text)
        sources = [source for source in self.scope.sources if not qualifier or source.answers_to(qualifier)]
        columns = [column for source in sources[:1] for column in source.columns if not column.hidden]
        if not 1 <= int(text) <= len(columns):
            raise unknown_column(node, f"${text}")
        return columns[int(text) - 1].value

    def _variable(self, name: str) -> Typed:
        variables = self.context.session.variables
        if name.upper() not in variables:
            raise SqlCompilationError(
                f"error line 1 at position 0\nSession variable '${name.upper()}' does not exist", 2211, "02000"
            )
        return of_value(variables[name.upper()])

    def parameter(self, node: exp.Expr) -> Typed:
        """`$1` or `$name`."""
        return self._positional(node, ())

    def placeholder(self, node: exp.Expr) -> Typed:
        """`?` or `:1`: the bind value."""
        binds, text = self.context.binds, node.name.strip("?")
        index = int(text) - 1 if text.isdigit() else node.meta.get("bind", 0)
        if not 0 <= index < len(binds):
            raise SqlCompilationError(
                f"error line 1 at position 0\nBind variable {':' + text if text else '?'} not set.", 2049, "42601"
            )
        bound = binds[index]
        return bound if isinstance(bound, Typed) else of_value(bound)
