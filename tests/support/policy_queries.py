"""Random statements over the tables of `policy_world`: text only, deterministic in what it asks for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

Columns = dict[str, str]
Choose = Callable[[Sequence[Any]], Any]

_CUST: Columns = {
    "id": "N",
    "tenant": "T",
    "name": "T",
    "email": "T",
    "grp": "N",
    "amt": "N",
    "note": "T",
    "day": "D",
    "n": "N",
}
_SHIP: Columns = {"sid": "N", "id": "N", "tenant": "T", "cost": "N", "code": "T", "sday": "D", "qty": "N"}
_CHANGE: Columns = {"metadata$action": "T"}
_PARCEL: Columns = {"pid": "N", "id": "N", "tenant": "T", "label": "T", "weight": "N"}
SOURCES: list[tuple[str, Columns]] = [
    ("cust", _CUST),
    ("public.ship", _SHIP),
    ("cust", _CUST),
    ("identifier('ship')", _SHIP),
    ("parcel", _PARCEL),
    ("parcel", _PARCEL),
    ("joined", {"id": "N", "tenant": "T", "name": "T", "email": "T", "cost": "N", "code": "T"}),
    ("inside", {"id": "N", "email": "T", "cost": "N"}),
    ("guarded", {"id": "N", "name": "T", "n": "N"}),
    ("cloned", _CUST),
    ("twin.cust", _CUST),
    ("twin.joined", {"id": "N", "name": "T", "email": "T", "code": "T"}),
    ("changes", _CUST | _CHANGE),
    ("additions", _SHIP | _CHANGE),
    ("joined_changes", {"id": "N", "name": "T", "n": "N"} | _CHANGE),
    ("cust before (statement => '{before}')", _CUST),
    ("cust changes (information => default) before (statement => '{before}')", _CUST | _CHANGE),
    ("cust changes (information => append_only) before (statement => '{before}')", _CUST),
    ("table(ships_of(3))", {"sid": "N", "code": "T", "qty": "N"}),
]
STREAMS = ("changes", "additions", "joined_changes")
# Conditions and values that fail over rows that only ENGINEER sees, or over what a mask hides, and over nothing else.
BOMBS: dict[str, tuple[str, ...]] = {
    "grp": ("1 / ({} - 99) is not null", "power(10, iff({} = 99, 400, 1))::number(38, 0) > 0", "chr(iff({} = 99, -1, 65)) <> ''"),
    "name": ("{}::int >= 0", "to_number({}) < 1e9", "parse_json({}) is not null", "to_date('2024-01-1' || left({}, 1)) > '2000-01-01'"),
    "note": ("{}::int = 0", "parse_json({}) = 0", "{}::float < 9"),
    "code": ("{}::int > 6", "to_decimal({}, 10, 2) > 1"),
    "label": ("{}::int >= 0", "to_number({}) < 1e9", "parse_json({}) is not null"),
    "weight": ("1 / iff({} < 0, 0, 1) = 1", "chr({}) is not null", "date_from_parts(iff({} < 0, 99999999, 2000), 1, 1) is not null"),
    "amt": ("1 / {} <> 0",),
    "qty": ("1 / iff({} < 0, 0, 1) = 1", "date_from_parts(iff({} < 0, 99999999, 2000), 1, 1) is not null"),
}  # fmt: skip


class Queries:
    """Makes statements, each from a choice at every turn.

    Args:
        choose: gives one of a list.
        bombs: whether what fails over hidden rows may stand in them.
    """

    def __init__(self, choose: Choose, bombs: bool) -> None:
        self.choose = choose
        self.bombs = bombs
        self._aliases = itertools.count(1)
        self._sources = SOURCES

    def statements(self) -> list[str]:
        """One statement, or a transaction around DML that is undone."""
        kind = self.choose(("query", "query", "query", "dml", "ctas", "set", "setof", "scalar"))
        if kind == "dml":
            return ["begin", *self._dml(), "rollback"]
        if kind == "ctas":
            # It would take what is in a stream.
            self._sources = [source for source in SOURCES if source[0] not in STREAMS]
            return [f"create or replace temporary table made as {self.query()}", "select * from made"]
        if kind == "set":
            return [self._set()]
        if kind == "setof":
            return [f"with first as ({self.query()}), second as (select * from first) select count(*) from second"]
        if kind == "scalar":
            return [f"select {self.choose(('total(3)', 'total(7)', 'total(1) + total(2)'))}, ({self._single()})"]
        return [self.query()]

    def query(self, depth: int = 2) -> str:
        """A SELECT whose columns have names of their own."""
        text, columns = self._from(depth)
        where = f" where {self._conditions(columns, depth)}" if self.choose((True, True, False)) else ""
        return self.choose((self._plain, self._grouped, self._window, self._first))(text, columns, where)

    def _plain(self, text: str, columns: Columns, where: str) -> str:
        items = [self._expression(columns) for _ in range(self.choose((1, 2, 3)))]
        listed = ", ".join(f"{item} as o{place}" for place, item in enumerate(items))
        return f"select {self.choose(('', 'distinct '))}{listed} from {text}{where}"

    def _grouped(self, text: str, columns: Columns, where: str) -> str:
        key, value = self._expression(columns), self._expression(columns, "N")
        having = self.choose(("", f" having {self._aggregate(value)} > 3", " having count(*) >= 1"))
        sets = self.choose(("group by 1", "group by k", "group by rollup(1)"))
        return f"select {key} as k, count(*) as c, {self._aggregate(value)} as a from {text}{where} {sets}{having}"

    def _aggregate(self, value: str) -> str:
        return self.choose(("sum({})", "min({})", "max({})", "count({})", "count(distinct {})")).format(value)

    def _window(self, text: str, columns: Columns, where: str) -> str:
        names = list(columns)
        order = ", ".join(names)
        function = self.choose(
            (
                "row_number()",
                "rank()",
                f"lag({names[0]})",
                f"sum({self._named(columns, 'N')})",
                "count(*)",
                f"max({names[-1]})",
            )
        )
        partition = self.choose(("", f"partition by {self.choose(names)} "))
        qualify = self.choose(("", " qualify w is not null", f" qualify row_number() over (order by {order}) <= 4"))
        return f"select {names[0]} as k, {function} over ({partition}order by {order}) as w from {text}{where}{qualify}"

    def _first(self, text: str, columns: Columns, where: str) -> str:
        names, listed = ", ".join(columns), ", ".join(f"{name} as o{place}" for place, name in enumerate(columns))
        limit = self.choose(("limit 3", "limit 5 offset 2", "fetch first 2 rows only"))
        return f"select {listed} from {text}{where} order by {names} {limit}"

    def _set(self) -> str:
        sides = []
        for _ in range(2):
            text, columns = self._from(1)
            where = f" where {self._conditions(columns, 1)}" if self.choose((True, False)) else ""
            sides.append(
                f"select {self._named(columns, 'N')} as x, {self._named(columns, 'T')}::varchar as y from {text}{where}"
            )
        return self.choose((" union ", " union all ", " intersect ", " except ")).join(sides)

    def _single(self) -> str:
        text, columns = self._from(1)
        where = f" where {self._conditions(columns, 1)}" if self.choose((True, False)) else ""
        return f"select {self._aggregate(self._expression(columns, 'N'))} from {text}{where}"

    # -- sources

    def _from(self, depth: int) -> tuple[str, Columns]:
        """A FROM with one or two items, and its columns by names that say which."""
        kind = self.choose(("one", "one", "join", "join", "nested")) if depth else "one"
        if kind == "one":
            return self._source()
        if kind == "nested":
            text, columns = self._from(depth - 1)
            alias = self._alias()
            where = f" where {self._conditions(columns, 0)}" if self.choose((True, False)) else ""
            items = ", ".join(f"{name} as {self._bare(name)}{place}" for place, name in enumerate(columns))
            kinds = {f"{self._bare(name)}{place}": kind for place, (name, kind) in enumerate(columns.items())}
            return f"(select {items} from {text}{where}) {alias}", {
                f"{alias}.{name}": kind for name, kind in kinds.items()
            }
        return self._join()

    def _join(self) -> tuple[str, Columns]:
        (left, a), (right, b) = self._source(), self._source()
        how = self.choose(("join", "left join", "right join", "full join", "cross join", "lateral"))
        if how == "cross join":
            return f"{left} cross join {right}", a | b
        if how == "lateral":
            inner, columns = self._source()
            alias = self._alias()
            outer = self._named(a, "N")
            item = self._named(columns, "N")
            return f"{left}, lateral (select max({item}) as m from {inner} where {item} <= {outer}) {alias}", a | {
                f"{alias}.m": "N"
            }
        condition = f"{self._named(a, 'N')} = {self._named(b, 'N')}"
        if self.choose((True, False)):
            condition += f" and {self._condition(a | b, 0)}"
        return f"{left} {how} {right} on {condition}", a | b

    def _source(self) -> tuple[str, Columns]:
        text, columns = self.choose(self._sources)
        alias = self._alias()
        return f"{text} {alias}", {f"{alias}.{name}": kind for name, kind in columns.items()}

    def _alias(self) -> str:
        return f"t{next(self._aliases)}"

    # -- expressions

    def _conditions(self, columns: Columns, depth: int) -> str:
        parts = [self._condition(columns, depth) for _ in range(self.choose((1, 1, 2)))]
        return self.choose((" and ", " and ", " or ")).join(parts)

    def _condition(self, columns: Columns, depth: int) -> str:
        forms: list[Callable[[Columns], str]] = [self._comparison, self._comparison, self._text_condition]
        if self.bombs:
            forms += [self._bomb, self._bomb]
        if depth:
            forms += [self._exists, self._in]
        return self.choose(forms)(columns)

    def _comparison(self, columns: Columns) -> str:
        name = self._named(columns, "N")
        return self.choose(
            ("{} > 2", "{} between 1 and 5", "{} in (0, 1, 3)", "{} is null", "not ({} = 4)", "mod({}, 2) = 0")
        ).format(name)

    def _text_condition(self, columns: Columns) -> str:
        name = self._named(columns, "T")
        return self.choose(
            ("{} like '%1%'", "length({}) < 3", "{} >= '2'", "{} ilike 'z%'", "{} is not null", "{} rlike '.*@x.*'")
        ).format(name)

    def _bomb(self, columns: Columns) -> str:
        found = [name for name in columns if self._bare(name) in BOMBS]
        if not found:
            return self._comparison(columns)
        name = self.choose(found)
        return self.choose(BOMBS[self._bare(name)]).format(name)

    def _exists(self, columns: Columns) -> str:
        text, inner = self._source()
        word = self.choose(("exists", "not exists"))
        both = f"{self._named(inner, 'N')} = {self._named(columns, 'N')}"
        return f"{word} (select 1 from {text} where {both} and {self._condition(inner, 0)})"

    def _in(self, columns: Columns) -> str:
        text, inner = self._source()
        return f"{self._named(columns, 'N')} in (select {self._named(inner, 'N')} from {text} where {self._condition(inner, 0)})"

    def _expression(self, columns: Columns, kind: str | None = None) -> str:
        kind = kind or self.choose(("N", "T", "D"))
        name = self._named(columns, kind)
        if kind == "N":
            forms = ("{}", "{} + 1", "coalesce({}, -5)", "abs({})", "iff({} > 2, 1, 0)")
        elif kind == "T":
            forms = ("{}", "upper({})", "left({}, 2)", "length({})", "coalesce({}, 'none')")
        else:
            forms = ("{}", "{}", "{}")
        return self.choose(forms).format(name)

    def _named(self, columns: Columns, kind: str) -> str:
        found = [name for name, other in columns.items() if other == kind]
        return self.choose(found) if found else {"N": "7", "T": "'x'", "D": "'2024-02-02'::date"}[kind]

    @staticmethod
    def _bare(name: str) -> str:
        return name.partition(".")[2].rstrip("0123456789").replace("$", "_")

    # -- DML

    def _dml(self) -> list[str]:
        where = self._conditions({f"cust.{name}": kind for name, kind in _CUST.items()}, 1)
        text, columns = self._source()
        key = self._named(columns, "N")
        after = "select id, tenant, name, n, day from cust"
        return self.choose(
            (
                [f"update cust set n = n + 1 where {where}", after],
                [f"update cust set name = left(email, 3), n = length(note) where {where}", after],
                [f"delete from cust where {where}", "select count(*) from cust", "select count(*) from joined"],
                [f"delete from cust using {text} where cust.id = {key} and {where}", after],
                [
                    f"insert into plain select {key}, 'x' from {text} where {self._condition(columns, 1)}",
                    "select * from plain",
                ],
                [
                    f"update cust set n = s.m from (select {key} as i, count(*) as m from {text} group by 1) s where s.i = cust.id",
                    after,
                ],
                [
                    "merge into cust using (select id, tenant, max(cost) as m from ship group by 1, 2) s"
                    f" on cust.id = s.id and cust.tenant = s.tenant when matched and {where} then update set n = s.m"
                    " when not matched then insert (id, tenant, n) values (s.id, s.tenant, 1)",
                    after,
                ],
                [
                    "merge into cust using (select 3 as i) s on cust.id = s.i when matched and n > 1 then delete"
                    " when matched then update set day = null",
                    after,
                ],
                ["insert overwrite into plain select n, email from cust", "select * from plain"],
                [f"insert into plain (k) {self._single()}", "select * from plain"],
            )
        )
