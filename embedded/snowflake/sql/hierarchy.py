"""CONNECT BY: a hierarchical query as a recursive WITH over the same source, level by level."""

from __future__ import annotations

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.sql.parse import MARK, PRIOR, ROOT
from embedded.snowflake.sql.scope import name_of

# Names that no query can write without quotes, for what each row knows of the rows above it.
_PATH = "SYS_CONNECT_BY_PATH"
_TREE, _ABOVE, _LEVEL, _MADE = "~tree", "~above", "~level", "~made{}"


def as_recursive(node: exp.Select) -> exp.Select:
    """A SELECT with CONNECT BY as one over a recursive WITH query; the tree that is given stays as it is.

    LEVEL, PRIOR x, CONNECT_BY_ROOT x and SYS_CONNECT_BY_PATH(x, separator) become columns of the WITH query; WHERE filters what
    the hierarchy gives, as in Snowflake.

    Raises:
        SnowflakeError: a join in a form that is not done (000002), or NOCYCLE, which Snowflake has not (001003).
    """
    node = node.copy()
    if node.args.get("joins") or node.args["from_"].this.args.get("joins"):
        _join_first(node)
    connect = node.args["connect"]
    if connect.args.get("nocycle"):
        raise SqlCompilationError("syntax error: CONNECT BY has no NOCYCLE.", 1003, "42000")
    source = node.args["from_"].this
    alias = _alias_of(source)
    roots, steps = _level_columns()
    for place, found in enumerate(_upward(node)):
        _keep(found, _MADE.format(place), roots, steps)
    _replace_levels(node)
    tree = exp.Union(
        this=_branch(source, alias, roots, connect.args.get("start"), None),
        expression=_branch(source, alias, steps, None, connect.args["connect"]),
        distinct=False,
    )
    made = [exp.to_identifier(name, quoted=True) for name in _names(roots)]
    for item in node.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        if isinstance(star, exp.Star):
            star.set("except_", [*(star.args.get("except_") or []), *made])
    cte = exp.CTE(this=tree, alias=exp.TableAlias(this=exp.to_identifier(_TREE, quoted=True)))
    outer = node.args.get("with_") or exp.With(expressions=[])
    outer.append("expressions", cte)
    node.set("with_", outer)
    node.set("connect", None)
    table = exp.Table(this=exp.to_identifier(_TREE, quoted=True), alias=exp.TableAlias(this=alias.copy()))
    node.set("from_", exp.From(this=table))
    return node


_CLAUSES = ("expressions", "where", "connect", "group", "having", "qualify", "order")
# In these an alias of the select list goes before a column.
_AFTER = ("group", "having", "qualify", "order")


def _join_first(node: exp.Select) -> None:
    """Put the query's joined sources into one, with the columns that it names, each under a name that tells its source.

    Raises:
        SnowflakeError: a comma join (whose condition stands in WHERE, among those that come after the hierarchy), a `*` or a
            subquery, whose columns are not told by their names (000002).
    """
    joins = [join for item in (node, node.args["from_"].this) for join in item.args.get("joins") or []]
    if not all(join.args.get("on") is not None or join.args.get("using") for join in joins):
        raise unsupported("CONNECT BY over a join without ON or USING")
    clauses = [item for key in _CLAUSES for item in _listed(node.args.get(key))]
    if any(found.find(exp.Query) for found in clauses):
        raise unsupported("CONNECT BY over a join with a subquery beside it")
    stars = [star for item in clauses for star in item.find_all(exp.Star)]
    if any(isinstance(star.parent, exp.Select | exp.Column) for star in stars):
        raise unsupported("CONNECT BY over a join with *")
    aliases = {name_of(item.args["alias"]) for item in node.expressions if isinstance(item, exp.Alias)}
    taken: dict[str, exp.Column] = {}
    for column in [column for item in clauses for column in item.find_all(exp.Column)]:
        parts = [name_of(part) for part in column.parts]
        if parts == ["LEVEL"] or (parts[0] in aliases and len(parts) == 1 and _clause_of(column, node) in _AFTER):
            continue
        name = ".".join(parts)
        taken.setdefault(name, column.copy())
        plain = exp.Column(this=exp.to_identifier(name, quoted=True))
        column.replace(_named(plain, parts[-1]) if column.parent is node and column.arg_key == "expressions" else plain)
    inner = exp.Select(expressions=[_named(column, name) for name, column in taken.items()])
    inner.set("from_", node.args["from_"].copy())
    inner.set("joins", [join.copy() for join in node.args.get("joins") or []])
    node.set("joins", None)
    node.set("from_", exp.From(this=exp.Subquery(this=inner)))


def _listed(found: exp.Expr | list[exp.Expr] | None) -> list[exp.Expr]:
    return found if isinstance(found, list) else [found] if found is not None else []


def _clause_of(column: exp.Column, node: exp.Select) -> str:
    """The clause of a SELECT that a column stands in."""
    found: exp.Expr = column
    while found.parent is not None and found.parent is not node:
        found = found.parent
    return str(found.arg_key)


def _alias_of(source: exp.Expr) -> exp.Identifier:
    """The name by which a query means its source's columns."""
    alias = source.args.get("alias")
    if alias is not None and alias.this is not None:
        return alias.this.copy()
    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        return source.this.copy()
    return exp.to_identifier("~rows", quoted=True)


def _level_columns() -> tuple[list[exp.Expr], list[exp.Expr]]:
    one = exp.Literal.number(1)
    return (
        [_named(one, _LEVEL)],
        [_named(exp.Add(this=_above(_LEVEL), expression=one.copy()), _LEVEL)],
    )


def _named(value: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def _names(items: list[exp.Expr]) -> list[str]:
    return [item.args["alias"].name for item in items]


def _above(name: str | exp.Identifier) -> exp.Column:
    """A column of the row above."""
    identifier = exp.to_identifier(name, quoted=True) if isinstance(name, str) else name.copy()
    return exp.Column(this=identifier, table=exp.to_identifier(_ABOVE, quoted=True))


def _upward(node: exp.Select) -> list[exp.Expr]:
    """What looks up the hierarchy outside of the CONNECT BY clause."""
    connect = node.args["connect"]
    inside = {id(inner) for inner in connect.walk()}
    found = [item for item in node.walk() if id(item) not in inside]
    return [item for item in found if _call_name(item) in (PRIOR, ROOT, _PATH)]


def _call_name(node: exp.Expr) -> str:
    return node.name.replace(MARK, "").upper() if isinstance(node, exp.Anonymous) else ""


def _keep(node: exp.Expr, name: str, roots: list[exp.Expr], steps: list[exp.Expr]) -> None:
    """Give each row a column for a look upward, and put the column in its place."""
    if _call_name(node) == _PATH:
        if len(node.expressions) != 2:
            raise SqlCompilationError("SYS_CONNECT_BY_PATH needs a column and a separator.", 938, "22023")
        value, separator = node.expressions
        own = exp.DPipe(this=separator.copy(), expression=value.copy())
        # One type for both branches: paths grow.
        text = exp.DataType.build("varchar")
        roots.append(_named(exp.Cast(this=own, to=text), name))
        steps.append(_named(exp.DPipe(this=_above(name), expression=own.copy()), name))
    elif _call_name(node) == ROOT:
        roots.append(_named(node.expressions[0].copy(), name))
        steps.append(_named(_above(name), name))
    else:
        # NULL of the column's own type.
        nothing = exp.Case(ifs=[exp.If(this=exp.Boolean(this=False), true=node.expressions[0].copy())])
        roots.append(_named(nothing, name))
        steps.append(_named(_of_above(node.expressions[0]), name))
    node.replace(exp.Column(this=exp.to_identifier(name, quoted=True)))


def _of_above(node: exp.Expr) -> exp.Expr:
    """An expression over the row above."""
    node = node.copy()
    if isinstance(node, exp.Column):
        return _above(node.this)
    for column in list(node.find_all(exp.Column)):
        column.replace(_above(column.this))
    return node


def _replace_levels(node: exp.Select) -> None:
    """Let LEVEL mean the row's own level, named so where it is a column of the result."""
    connect = node.args["connect"]
    inside = {id(inner) for inner in connect.walk()}
    for column in [item for item in node.find_all(exp.Column) if id(item) not in inside]:
        if (
            column.args.get("table") is None
            and isinstance(column.this, exp.Identifier)
            and name_of(column.this) == "LEVEL"
        ):
            value = exp.Column(this=exp.to_identifier(_LEVEL, quoted=True))
            column.replace(
                _named(value, "LEVEL") if column.parent is node and column.arg_key == "expressions" else value
            )


def _branch(
    source: exp.Expr, alias: exp.Identifier, extra: list[exp.Expr], start: exp.Expr | None, connect: exp.Expr | None
) -> exp.Select:
    """The rows at the top of the hierarchy, or those below the rows that are there."""
    source = source.copy()
    if alias.name == "~rows":
        source.set("alias", exp.TableAlias(this=alias.copy()))
    every = exp.Column(this=exp.Star(), table=alias.copy())
    select = exp.Select(expressions=[every, *extra])
    select.set("from_", exp.From(this=source))
    if start is not None:
        select.set("where", exp.Where(this=start.copy()))
    if connect is not None:
        condition = _condition(connect, alias)
        above = exp.Table(
            this=exp.to_identifier(_TREE, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(_ABOVE, quoted=True)),
        )
        select.set("joins", [exp.Join(this=above, on=condition)])
        for item in extra:
            _qualify(item, alias)
    return select


def _condition(connect: exp.Expr, alias: exp.Identifier) -> exp.Expr:
    """The CONNECT BY condition between a row and the row above it."""
    condition = exp.Paren(this=connect.copy())
    for prior in [item for item in condition.find_all(exp.Anonymous) if _call_name(item) == PRIOR]:
        prior.replace(_of_above(prior.expressions[0]))
    for column in list(condition.find_all(exp.Column)):
        if column.args.get("table") is None and name_of(column.this) == "LEVEL":
            column.replace(exp.Paren(this=exp.Add(this=_above(_LEVEL), expression=exp.Literal.number(1))))
    _qualify(condition, alias)
    return condition


def _qualify(node: exp.Expr, alias: exp.Identifier) -> None:
    for column in list(node.find_all(exp.Column)):
        if column.args.get("table") is None and isinstance(column.this, exp.Identifier):
            column.set("table", alias.copy())
