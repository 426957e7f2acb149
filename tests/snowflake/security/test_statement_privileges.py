"""What each statement needs: with its privileges it works, and without any one of them it is refused as Snowflake refuses it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session

USE = ("usage on database d", "usage on schema d.s")
# The statement, and the privileges beside the use of its database and schema. `{n}` makes a name new.
STATEMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("select * from d.s.t", ("select on table d.s.t",)),
    ("select * from d.s.v", ("select on view d.s.v",)),
    ("select * from d.s.st", ("select on stream d.s.st", "select on table d.s.t")),
    ("insert into d.s.t values (1, 'x')", ("insert on table d.s.t",)),
    ("insert into d.s.t select * from d.s.u", ("insert on table d.s.t", "select on table d.s.u")),
    ("update d.s.t set a = 1", ("update on table d.s.t", "select on table d.s.t")),
    ("delete from d.s.t where a = 1", ("delete on table d.s.t", "select on table d.s.t")),
    ("truncate table d.s.t", ("truncate on table d.s.t",)),
    (
        "merge into d.s.t using d.s.u on t.a = u.a when matched then update set b = u.b when not matched then insert (a) values (u.a)",
        ("update on table d.s.t", "insert on table d.s.t", "select on table d.s.t", "select on table d.s.u"),
    ),
    ("create table d.s.t{n} (a int)", ("create table on schema d.s",)),
    ("create table d.s.t{n} as select * from d.s.u", ("create table on schema d.s", "select on table d.s.u")),
    ("create table d.s.t{n} clone d.s.t", ("create table on schema d.s", "select on table d.s.t")),
    ("create view d.s.v{n} as select * from d.s.t", ("create view on schema d.s", "select on table d.s.t")),
    ("create stream d.s.s{n} on table d.s.t", ("create stream on schema d.s", "select on table d.s.t")),
    ("create task d.s.k{n} schedule = '60 minute' as select 1", ("create task on schema d.s",)),
    ("create sequence d.s.q{n}", ("create sequence on schema d.s",)),
    ("create stage d.s.g{n}", ("create stage on schema d.s",)),
    ("create file format d.s.f{n} type = csv", ("create file format on schema d.s",)),
    ("create function d.s.f{n}() returns int as '1'", ("create function on schema d.s",)),
    ("create masking policy d.s.m{n} as (x int) returns int -> x", ("create masking policy on schema d.s",)),
    (
        "create row access policy d.s.r{n} as (x int) returns boolean -> true",
        ("create row access policy on schema d.s",),
    ),
    ("create tag d.s.g{n}", ("create tag on schema d.s",)),
    ("select d.s.f(1)", ("usage on function d.s.f(int)",)),
    ("select d.s.seq.nextval", ("usage on sequence d.s.seq",)),
    ("execute task d.s.k", ("operate on task d.s.k",)),
    ("alter task d.s.k suspend", ("operate on task d.s.k",)),
    ("list @d.s.g", ("read on stage d.s.g",)),
    ("describe table d.s.t", ("select on table d.s.t",)),
    ("alter table d.s.t modify column a set masking policy d.s.mask force", ("apply masking policy on account",)),
    ("alter table d.s.t modify column a unset masking policy", ("apply masking policy on account",)),
    ("alter table d.s.t set tag d.s.tag = 'x'", ("apply tag on account",)),
    ("alter table d.s.t unset tag d.s.tag", ("apply tag on account",)),
    ("alter table d.s.t modify column a set tag d.s.tag = 'x'", ("apply tag on account",)),
    ("alter table d.s.t modify column a unset tag d.s.tag", ("apply tag on account",)),
    ("use schema d.s", ()),
)
# What does not lie in a schema.
ACCOUNT_STATEMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("create database d{n}", ("create database on account",)),
    ("create warehouse w{n} initially_suspended = true", ("create warehouse on account",)),
    ("create role r{n}", ("create role on account",)),
    ("create user u{n}", ("create user on account",)),
    ("create schema d.s{n}", ("usage on database d", "create schema on database d")),
    ("alter warehouse w set auto_suspend = 60", ("modify on warehouse w",)),
    ("alter warehouse w suspend", ("operate on warehouse w",)),
    ("use warehouse w", ("usage on warehouse w",)),
    ("select count(*) from snowflake.account_usage.tags", ("imported privileges on database snowflake",)),
)
CASES = [(text, (*USE, *needs)) for text, needs in STATEMENTS] + list(ACCOUNT_STATEMENTS)
_numbers = itertools.count(1)


def opened(account: Account, role: str) -> Session:
    found = [account.catalog.find(kind, ACCOUNT, name) for kind, name in (("USER", "ADMIN"), ("ROLE", role))]
    session = Session(account, *(item.oid for item in found if item is not None))
    session.secondary_roles = False
    return session


@pytest.fixture(scope="module")
def admin() -> Iterator[Session]:
    account = Account("TEST-PRIVILEGES", None)
    bootstrap(account.catalog, "a-test-password")
    session = opened(account, "ACCOUNTADMIN")
    for text in (
        "create database d",
        "create schema d.s",
        "create table d.s.t (a int, b varchar)",
        "create table d.s.u (a int, b varchar)",
        "create view d.s.v as select * from d.s.t",
        "create stream d.s.st on table d.s.t",
        "create function d.s.f(x int) returns int as 'x'",
        "create sequence d.s.seq",
        "create task d.s.k schedule = '60 minute' as select 1",
        "create stage d.s.g",
        "create masking policy d.s.mask as (x int) returns int -> x",
        "create tag d.s.tag",
        "create warehouse w initially_suspended = true",
    ):
        session.execute(text)
    yield session
    account.close()


def attempt(admin: Session, text: str, privileges: tuple[str, ...]) -> SnowflakeError | None:
    """The error of a statement in a new role that has these privileges and no other."""
    number = next(_numbers)
    role = f"ROLE{number}"
    admin.execute(f"create role {role}")
    for privilege in privileges:
        admin.execute(f"grant {privilege} to role {role}")
    session = opened(admin.account, role)
    try:
        session.execute(
            "alter warehouse w resume if suspended"
        ) if "suspend" in text and "operate on warehouse w" in privileges else None
        session.execute(text.replace("{n}", str(number)))
    except SnowflakeError as error:
        return error
    finally:
        session.close()
    return None


@pytest.mark.parametrize(("text", "needs"), CASES, ids=[text[:50] for text, _ in CASES])
def test_with_its_privileges_it_works_and_without_one_it_does_not(
    admin: Session, text: str, needs: tuple[str, ...]
) -> None:
    error = attempt(admin, text, needs)
    assert error is None, error
    for missing in needs:
        refused = attempt(admin, text, tuple(need for need in needs if need != missing))
        assert refused is not None, f"works without {missing}"
        assert (refused.errno, refused.sqlstate) in (
            (3001, "42501"),
            (2003, "02000"),
            (2003, "42S02"),
            (2043, "02000"),
            (2140, "42601"),
            (2141, "42601"),
        ), (
            missing,
            refused,
        )


@pytest.mark.parametrize(
    "text",
    [
        "alter table d.s.t set tag d.s.tag = 'x'",
        "alter table d.s.t unset tag d.s.tag",
        "alter table d.s.t modify column a set tag d.s.tag = 'x'",
        "alter table d.s.t modify column a unset tag d.s.tag",
        "alter schema d.s set tag d.s.tag = 'x'",
    ],
)
def test_who_may_apply_a_tag_needs_to_own_what_it_is_set_on(admin: Session, text: str) -> None:
    error = attempt(admin, text, (*USE, "select on table d.s.t", "apply on tag d.s.tag"))
    assert error is not None and error.errno == 3001
