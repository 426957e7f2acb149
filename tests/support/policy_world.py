"""Two accounts for the test of policies: one under policies, one with copies that hold what each role may see and no more.

The model is the Python below: which rows a role sees, and what it sees of each column. Rows that no role but ENGINEER sees, and the
values that masks hide, carry the mark `zq` or are of a kind that makes a cast or a division fail, so that a leak shows by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session

MARK = "zq"
ROLES = ("ENGINEER", "ANALYST", "OTHER")
Row = tuple[Any, ...]

_CUST = "id int, tenant varchar, name varchar, email varchar, grp int, amt number(10,2), note varchar, day date, n int"
_SHIP = "sid int, id int, tenant varchar, cost number(10,2), code varchar, sday date, qty int"

_PARCEL = "pid int, id int, tenant varchar, label varchar, weight int"


def _cust(number: int, tenant: str) -> Row:
    hidden = tenant == "H"
    grp = 99 if hidden and number % 2 else number % 4
    clear = grp == 1
    return (
        number,
        tenant,
        f"{MARK}{number}" if hidden else str(number),
        f"{MARK}{number}@x{number % 3}.com",
        grp,
        number + 1 if clear else 0,
        f"{MARK}note",
        date(2024, 1, 1) + timedelta(days=number),
        None if number % 6 == 0 else number % 5,
    )


def _ship(number: int, tenant: str) -> Row:
    code = "8" if number % 4 == 0 else f"{MARK}code"
    return (1000 + number, number % 9, tenant, number * 3, code, date(1999, 9, 9), number % 7 - 100 * (tenant == "H"))


def _parcel(number: int, tenant: str) -> Row:
    hidden = tenant == "H"
    return (number, number % 7, tenant, f"{MARK}label" if hidden else str(number), -number if hidden else number % 5)


FIRST = {
    "cust": [_cust(i, t) for t in "AOH" for i in range(12)],
    "ship": [_ship(i, t) for t in "AOH" for i in range(16)],
    "parcel": [_parcel(i, t) for t in "AOH" for i in range(16)],
}
LATER = [_cust(i, t) for t in "AOH" for i in range(20, 24)]
# Who may see which tenant: read by the row policies, and under a policy itself that hides the rows which would open tenant H.
ACCESS = [
    ("ADMIN", "ANALYST", "A", "yes"),
    ("ADMIN", "OTHER", "O", "yes"),
    ("BOB", "ANALYST", "O", "yes"),
    ("ADMIN", "ANALYST", "H", "revoked"),
    *(("ADMIN", role, tenant, "yes") for role in ("ENGINEER", "ACCOUNTADMIN") for tenant in "AOH"),
    # Many more than there are: DuckDB would else turn a short list into a filter of its own, tested before all others.
    *(("ADMIN", role, f"{letter}{i}", "yes") for role in ("ANALYST", "OTHER") for letter in "AZ" for i in range(40)),
]
# Shipments whose code is clear to all: read by the mask, and under a row policy itself.
CLEAR = [(1000 + i, "open" if i % 4 == 0 else "closed") for i in range(16)]


def visible(role: str, tenant: str) -> bool:
    """The model of the row policy."""
    return role == "ENGINEER" or tenant == {"ANALYST": "A", "OTHER": "O"}[role]


def seen(role: str, table: str, rows: list[Row]) -> list[Row]:
    """The model: the rows of a table as a role sees them."""
    if role == "ENGINEER":
        return rows
    place = {"cust": 1, "ship": 2, "parcel": 2}[table]
    return [_masked(table, row) for row in rows if visible(role, row[place])]


def _masked(table: str, row: Row) -> Row:
    if table == "cust":
        i, t, name, email, grp, amt, _, day, n = row
        return (i, t, name, "***@" + email.split("@")[1], grp, amt if grp == 1 else -1, "0", day, n)
    if table == "parcel":
        return row
    sid, i, t, cost, code, _, qty = row
    return (sid, i, t, cost, code if sid % 4 == 0 else "7", date(2000, 1, 1), qty)


_TRUSTED = "current_role() in ('ENGINEER', 'ACCOUNTADMIN')"
POLICIES = (
    f"""create row access policy access_rows as (state varchar) returns boolean -> {_TRUSTED} or state <> 'revoked'""",
    f"""create row access policy clear_rows as (state varchar) returns boolean -> {_TRUSTED} or state = 'open'""",
    "alter table access add row access policy access_rows on (state)",
    "alter table clear add row access policy clear_rows on (state)",
    f"""create row access policy tenant_rows as (t varchar) returns boolean -> case when {_TRUSTED} then true
        when current_role() = 'ANALYST' then exists (select 1 from access a where a.user_id = current_user() and a.tenant = t
            and a.role_name = 'ANALYST')
        else is_role_in_session('OTHER') and t = 'O' end""",
    """create row access policy listed_rows as (t varchar) returns boolean -> exists (select 1 from access a
        where a.user_id = current_user() and a.role_name = current_role() and a.tenant = t)""",
    f"create row access policy even_rows as (i int) returns boolean -> {_TRUSTED} or mod(i, 2) = 0",
    f"""create masking policy email_mask as (v varchar) returns varchar ->
        case when {_TRUSTED} then v else regexp_replace(v, '(.*)@(.*)', '***@\\\\2') end""",
    f"create masking policy amount_mask as (v number, g number) returns number -> iff({_TRUSTED} or g = 1, v, -1)",
    f"create masking policy note_mask as (v varchar) returns varchar -> iff({_TRUSTED}, v, '0')",
    f"""create masking policy code_mask as (v varchar, s number) returns varchar ->
        case when {_TRUSTED} then v when exists (select 1 from clear where clear.sid = s) then v else '7' end""",
    f"create masking policy day_mask as (v date) returns date -> iff({_TRUSTED}, v, '2000-01-01'::date)",
    f"create masking policy name_mask as (v varchar) returns varchar -> iff({_TRUSTED}, v, '5')",
    "create tag hush",
    "alter tag hush set masking policy note_mask",
    "create tag days",
    "alter tag days set masking policy day_mask",
    "alter table cust add row access policy tenant_rows on (tenant)",
    "alter table ship add row access policy tenant_rows on (tenant)",
    "alter table parcel add row access policy listed_rows on (tenant)",
    "alter table cust modify column email set masking policy email_mask",
    "alter table cust modify column amt set masking policy amount_mask using (amt, grp)",
    "alter table cust modify column note set tag hush = 'x'",
    "alter table ship modify column code set masking policy code_mask using (code, sid)",
    "alter table ship set tag days = 'x'",
)
VIEWS = (
    "create view joined as select c.id, c.tenant, c.name, c.email, s.cost, s.code from cust c join ship s"
    " on c.id = s.id and c.tenant = s.tenant",
    "create secure view inside as with cust as (select * from joined) select id, email, cost from cust where cost > 3",
    "create view guarded as select id, name, n from cust",
    "create function total(i int) returns number as 'select sum(cost) from ship where id = i'",
    "create function ships_of(i int) returns table (sid int, code varchar, qty int)"
    " as 'select sid, code, qty from ship where id >= i'",
    "create stream changes on table cust",
    "create stream additions on table ship append_only = true show_initial_rows = true",
    "create stream joined_changes on view guarded",
)
VIEW_POLICIES = (
    "alter view guarded add row access policy even_rows on (id)",
    "alter view guarded modify column name set masking policy name_mask",
)
CHANGES = (
    "update cust set day = dateadd(day, 1, day) where mod(id, 5) = 0",
    "delete from cust where mod(id, 7) = 3",
)
COPIES = ("create table plain (k int, v varchar)", "create table cloned clone cust", "create schema twin clone public")


def _values(rows: list[Row]) -> str:
    return ", ".join(
        "("
        + ", ".join("null" if v is None else repr(str(v)) if isinstance(v, str | date) else repr(v) for v in row)
        + ")"
        for row in rows
    )


def rows_of(session: Session, text: str) -> list[Row]:
    """A statement's rows as Python values."""
    result = session.execute(text)
    if result.arrow is None:
        return [tuple(row) for row in result.rows or []]
    return list(zip(*(column.to_pylist() for column in result.arrow.columns), strict=True))


@dataclass
class Outcome:
    """What a statement gave: its rows in no order, or an error's number and text."""

    rows: list[str] | None
    errno: int | None = None
    message: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and (self.rows, self.errno) == (other.rows, other.errno)


def outcome(session: Session, text: str) -> Outcome:
    """Run a statement and say what it gave."""
    try:
        return Outcome(sorted(str(row) for row in rows_of(session, text)))
    except SnowflakeError as error:
        return Outcome(None, error.errno, error.message)


def open_session(account: Account, role: str = "ACCOUNTADMIN") -> Session:
    """A session of ADMIN in a role, without secondary roles."""
    found = [account.catalog.find(kind, ACCOUNT, name) for kind, name in (("USER", "ADMIN"), ("ROLE", role))]
    session = Session(account, *(item.oid for item in found if item is not None))
    session.secondary_roles = False
    return session


@dataclass
class World:
    """A session over the tables under policies, which takes one role after the other, and one for each role over its copies."""

    real: Session
    model: dict[str, Session]
    before: dict[str, str]
    accounts: tuple[Account, ...]

    def differ(self, role: str, statements: list[str]) -> str | None:
        """What a role gets that it should not: None if all is as the model has it."""
        self.real.execute(f"use role {role}")
        try:
            return self._differ(role, statements)
        finally:
            self.real.rollback()
            self.model[role].rollback()

    def _differ(self, role: str, statements: list[str]) -> str | None:
        for text in statements:
            got = outcome(self.real, text.replace("{before}", self.before["real"]))
            wanted = outcome(self.model[role], text.replace("{before}", self.before[role]))
            if role != "ENGINEER" and MARK in str(got.rows) + got.message:
                return f"{role} sees a hidden value by {text}\n  {got}"
            if got != wanted:
                return f"{role} by {text}\n  got    {got}\n  wanted {wanted}"
        return None

    def close(self) -> None:
        for account in self.accounts:
            account.close()


def _history(
    session: Session, database: str, rows: Callable[[str, list[Row]], list[Row]], policed: bool, views: tuple[str, ...]
) -> str:
    """Make the tables, views, streams and copies, and give the id of the statement before the changes."""
    steps = [
        f"create database {database}",
        f"use schema {database}.public",
        f"create table cust ({_CUST})",
        f"create table ship ({_SHIP})",
        f"create table parcel ({_PARCEL})",
        *(f"insert into {name} values {_values(rows(name, FIRST[name]))}" for name in FIRST),
    ]
    if policed:
        steps += [
            "create table access (user_id varchar, role_name varchar, tenant varchar, state varchar)",
            f"insert into access values {_values(ACCESS)}",
        ]
        steps += [
            "create table clear (sid int, state varchar)",
            f"insert into clear values {_values(CLEAR)}",
            *POLICIES,
        ]
    steps += views
    for text in steps:
        session.execute(text)
    session.execute(CHANGES[0], query_id=(before := "01c0ffee-0000-4000-8000-00000000000" + str(len(database))))
    for text in (*CHANGES[1:], f"insert into cust values {_values(rows('cust', LATER))}", *COPIES):
        session.execute(text)
    return before


def make_world() -> World:
    """Both accounts, filled."""
    real, model = Account("TEST-POLICED", None), Account("TEST-COPIES", None)
    for account in (real, model):
        bootstrap(account.catalog, "a-test-password")
    admin = open_session(real)
    for role in ROLES:
        admin.execute(f"create role {role}")
        admin.execute(f"grant role {role} to user admin")
    before = {"real": _history(admin, "p", lambda _, rows: rows, True, (*VIEWS[:3], *VIEW_POLICIES, *VIEWS[3:]))}
    for role in ROLES:
        for text in (
            f"grant all on database p to role {role}",
            *(f"grant all on schema p.{schema} to role {role}" for schema in ("public", "twin")),
            *(
                f"grant all on all {kind} in database p to role {role}"
                for kind in ("tables", "views", "functions", "streams")
            ),
        ):
            admin.execute(text)
    models = {}
    for role in ROLES:
        models[role] = open_session(model)
        before[role] = _history(
            models[role],
            f"d_{role}",
            lambda table, rows, role=role: seen(role, table, rows),
            False,
            tuple(text if role == "ENGINEER" else _GUARDED.get(text, text) for text in VIEWS),
        )
        models[role].execute(f"use schema d_{role}.public")
    admin.execute("use schema p.public")
    return World(admin, models, before, (real, model))


# What the policies on a view come to for the roles that they are about.
_GUARDED = {VIEWS[2]: "create view guarded as select id, '5' as name, n from cust where mod(id, 2) = 0"}
