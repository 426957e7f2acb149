"""Snowflake's functions by name: how each is checked, typed and written for DuckDB.

Only what is registered here can be called; any other name is Snowflake's `Unknown function` (002140; what is looked for as a
user's own by a full name, 002141), never DuckDB's function of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.sql.coerce import cast, common, to_number
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions

_NO_NUMBERS = frozenset({"DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "BINARY", "OBJECT", "ARRAY"})
# Functions whose first argument is an array or object, which a plain value is not taken for.
_OF_CONTAINERS = frozenset(
    {
        *(
            "ARRAY_SIZE",
            "ARRAY_APPEND",
            "ARRAY_CAT",
            "ARRAY_COMPACT",
            "ARRAY_DISTINCT",
            "ARRAY_EXCEPT",
            "ARRAY_FLATTEN",
        ),
        *(
            "ARRAY_INSERT",
            "ARRAY_INTERSECTION",
            "ARRAY_MAX",
            "ARRAY_MIN",
            "ARRAY_PREPEND",
            "ARRAY_REMOVE",
            "ARRAY_REMOVE_AT",
        ),
        *(
            "ARRAY_REVERSE",
            "ARRAY_SLICE",
            "ARRAY_SORT",
            "ARRAY_TO_STRING",
            "ARRAYS_OVERLAP",
            "OBJECT_KEYS",
            "OBJECT_DELETE",
        ),
        *("OBJECT_INSERT", "OBJECT_PICK"),
    }
)
Make = Callable[["Call"], Typed]


@dataclass
class Call:
    """One call under translation.

    Attributes:
        name: the function's name, upper case.
        nodes: its arguments as parsed, named ones left out.
        binder: what binds expressions where the call stands.
        named: named arguments (`INPUT => x`).
        distinct: whether DISTINCT stands before the arguments.
        order: ORDER BY items of WITHIN GROUP.
        over: the text of the OVER clause, with a leading space; None when there is none.
        ignore_nulls: True for IGNORE NULLS, False for RESPECT NULLS, None when neither is written.
        bound: the arguments that were bound, by their place.
    """

    name: str
    nodes: list[exp.Expr]
    binder: Expressions
    named: dict[str, exp.Expr] = field(default_factory=dict)
    distinct: bool = False
    order: list[exp.Expr] = field(default_factory=list)
    over: str | None = None
    ignore_nulls: bool | None = None
    bound: dict[int, Typed] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The session's time zone."""
        return self.binder.context.zone

    def __len__(self) -> int:
        return len(self.nodes)

    def arg(self, index: int) -> Typed:
        """An argument, bound."""
        if index not in self.bound:
            self.bound[index] = self.binder.bind(self.nodes[index])
        return self.bound[index]

    def args(self) -> list[Typed]:
        """All arguments, bound."""
        return [self.arg(index) for index in range(len(self.nodes))]

    def text(self, index: int) -> str:
        """An argument as VARCHAR."""
        return self.cast(index, VARCHAR).sql

    def cast(self, index: int, kind: DataType) -> Typed:
        """An argument cast to a type."""
        return cast(self.arg(index), kind, self.zone)

    def number(self, index: int) -> Typed:
        """An argument as a number.

        Raises:
            SqlCompilationError: a date, time or array is none (001044).
        """
        value = self.arg(index)
        if value.type.kind in _NO_NUMBERS or (value.type.kind == "BOOLEAN" and self.name in ("SUM", "AVG", "ABS")):
            raise self.wrong_types()
        return to_number(value, self.zone)

    def wrong_types(self) -> SqlCompilationError:
        """The error for arguments of types that the function does not take (001044)."""
        # Snowflake makes a mean of a sum before it looks at the types.
        name = "SUM" if self.name == "AVG" else self.name
        kinds = ", ".join(str(value.type) for value in self.args())
        return SqlCompilationError(f"Invalid argument types for function '{name}': ({kinds})", 1044, "42P13")

    def common(self, indexes: Sequence[int] | None = None) -> tuple[list[str], DataType]:
        """Arguments cast to the type that they have in common, and that type."""
        args = self.args() if indexes is None else [self.arg(index) for index in indexes]
        kind = common((value.type for value in args), f"'{self.name}'")
        return [cast(value, kind, self.zone).stored for value in args], kind

    def constant(self, index: int, default: object = None) -> object:
        """The value of an argument that must be a literal, or the default when it is not given.

        Raises:
            SqlCompilationError: it is no literal (001015).
        """
        if index >= len(self.nodes):
            return default
        value = self.arg(index)
        if not value.is_constant:
            raise SqlCompilationError(
                f"argument {index + 1} to function {self.name} needs to be constant", 1015, "42601"
            )
        return value.value

    def word(self, index: int) -> str:
        """An argument that is a word or a string, such as a date part: upper case."""
        node = self.nodes[index]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and not node.args.get("table"):
            return node.name.upper()
        if isinstance(node, exp.Literal | exp.Var):
            return node.name.upper()
        return str(self.constant(index)).upper()


@dataclass(frozen=True)
class Function:
    """A function: how many arguments it takes, how it is made, and whether it is an aggregate or needs OVER."""

    name: str
    least: int
    most: int | None
    make: Make
    aggregate: bool = False
    window: bool = False


FUNCTIONS: dict[str, Function] = {}


def function(
    *names: str, args: int | tuple[int, int | None], aggregate: bool = False, window: bool = False
) -> Callable[[Make], Make]:
    """Register the decorated maker under each of the names.

    Args:
        names: the function's name and its other names.
        args: how many arguments it takes: a number, or the least and the most (None: any number).
        aggregate: it takes many rows to one; it may have OVER.
        window: it must have OVER.
    """
    least, most = args if isinstance(args, tuple) else (args, args)

    def register(make: Make) -> Make:
        for name in names:
            FUNCTIONS[name] = Function(name, least, most, make, aggregate, window)
        return make

    return register


def template(
    names: str,
    text: str,
    result: DataType | None,
    *kinds: DataType | None,
    least: int | None = None,
    exact: bool = True,
) -> None:
    """Register functions that are one text over their arguments.

    Args:
        names: names, separated by spaces.
        text: DuckDB text with `{0}`, `{1}` … for the arguments; `{args}` for all of them.
        result: the result's type; None: that of the first argument.
        kinds: what each argument is cast to; None leaves it as it is.
        least: how many arguments must be given; all by default. Those not given are left out of `{args}`.
        exact: whether DuckDB's type of the text is the one that stores the result.
    """

    def make(call: Call) -> Typed:
        args = [_argument(call, index, kinds[index]) for index in range(len(call))]
        sql = text.format(*(arg.sql for arg in args), args=", ".join(arg.sql for arg in args))
        kind = result if result is not None else args[0].type
        return Typed(sql, kind, any(arg.nullable for arg in args), exact)

    function(*names.split(), args=(len(kinds) if least is None else least, len(kinds)))(make)


def _argument(call: Call, index: int, kind: DataType | None) -> Typed:
    if kind is None:
        return call.arg(index)
    return call.number(index) if kind.kind == "NUMBER" and kind.precision == 38 else call.cast(index, kind)


# Functions that give NULL for a NULL among their arguments, and for nothing else.
_STRICT = frozenset(
    [
        "ADD_MONTHS",
        "CEIL",
        "CHARINDEX",
        "CONTAINS",
        "DATEADD",
        "DATE_FROM_PARTS",
        "ENDSWITH",
        "EXP",
        "FLOOR",
        "GREATEST",
        "INITCAP",
        "LAST_DAY",
        "LEAST",
        "LEFT",
        "LPAD",
        "LTRIM",
        "MONTHS_BETWEEN",
        "NEXT_DAY",
        "POSITION",
        "POWER",
        "POW",
        "PREVIOUS_DAY",
        "REGEXP_LIKE",
        "REPEAT",
        "REVERSE",
        "RIGHT",
        "RLIKE",
        "RPAD",
        "RTRIM",
        "SIGN",
        "SPLIT",
        "SPLIT_PART",
        "SQRT",
        "SQUARE",
        "STARTSWITH",
        "SUBSTR",
        "SUBSTRING",
        "TIMEADD",
        "TIMESTAMPADD",
        "TIMESTAMP_FROM_PARTS",
        "TIME_FROM_PARTS",
        "TO_VARIANT",
        "TRANSLATE",
        "TRIM",
        "TRUNC",
        "TRUNCATE",
        "DIV0",
    ]
)


def without_null(made: Typed, call: Call) -> Typed:
    """A call's result, told to be never NULL when its function gives NULL for NULLs only and no argument may be one."""
    if made.nullable and call.name in _STRICT and not any(value.nullable for value in call.bound.values()):
        return replace(made, nullable=False)
    return made


def unknown_function(name: str) -> SqlCompilationError:
    """The error for a function that does not exist: 002140, or 002141 for one that was named with its schema."""
    if "." in name:
        return SqlCompilationError(f"Unknown user-defined function {name}", 2141, "42601")
    return SqlCompilationError(f"Unknown function {name}", 2140, "42601")


def check_arguments(found: Function, call: Call) -> None:
    """Make sure that the call has as many arguments as the function takes.

    Raises:
        SqlCompilationError: too few (000938), too many (000939), or a plain value where an array or object must be (001044).
    """
    count = len(call.nodes) + len(call.named) + (len(call.order) if found.name.startswith("PERCENTILE") else 0)
    if count >= found.least and (found.most is None or len(call.nodes) <= found.most):
        if call.name in _OF_CONTAINERS and call.nodes:
            kind = call.arg(0).type
            if not kind.is_semi_structured and kind.kind != "NULL":
                raise call.wrong_types()
        return
    from embedded.snowflake.sql.placement import written

    text = f"{call.name}({', '.join(written(node, call.binder) for node in call.nodes)})"
    if count < found.least and not call.named:
        raise SqlCompilationError(
            f"not enough arguments for function [{text}], expected {found.least}, got {len(call.nodes)}",
            938,
            "22023",
        )
    if found.most is not None and len(call.nodes) > found.most:
        raise SqlCompilationError(
            f"too many arguments for function [{text}] expected {found.most}, got {len(call.nodes)}",
            939,
            "22023",
        )
