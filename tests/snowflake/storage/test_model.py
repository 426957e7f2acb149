"""Random work of several sessions against a plain Python model of rows, transactions, streams and time travel."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session

LOCKED = 625
State = dict[int, int]


@dataclass
class Transaction:
    """What an open transaction did, and what it saw first (places in the list of states)."""

    start: int
    base: int
    inserted: State = field(default_factory=dict)
    updated: State = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    statement: str = ""
    consumes: bool = False
    sink: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass
class Model:
    """All committed states, oldest first; the stream's offset as a place in them; what was consumed."""

    states: list[State] = field(default_factory=lambda: [{}])
    base: int = 0
    open: dict[int, Transaction] = field(default_factory=dict)
    sink: list[tuple[Any, ...]] = field(default_factory=list)
    marks: list[tuple[str, int]] = field(default_factory=list)

    def seen(self, who: int) -> State:
        rows, own = dict(self.states[-1]), self.open.get(who)
        if own is None:
            return rows
        return {key: value for key, value in {**rows, **own.updated, **own.inserted}.items() if key not in own.deleted}

    def changes(self, who: int) -> set[tuple[Any, ...]]:
        own = self.open.get(who)
        base, until = (own.base, max(own.start, own.base)) if own else (self.base, len(self.states) - 1)
        return net(self.states[base], self.states[until])

    def keep(self, state: State, statement: str) -> None:
        self.states.append(state)
        self.marks.append((statement, len(self.states) - 1))


def net(old: State, new: State) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    for key in old.keys() | new.keys():
        if old.get(key) == new.get(key):
            continue
        both = key in old and key in new
        found |= {(key, old[key], "DELETE", both)} if key in old else set()
        found |= {(key, new[key], "INSERT", both)} if key in new else set()
    return found


class World:
    """The model beside a real account."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = open_account(folder)
        self.sessions = [log_in(self.account) for _ in range(3)]
        self.model = Model()
        self.next_key = 0
        first = self.sessions[0]
        for text in (
            "create database d",
            "create table t (k int, v int)",
            "create table sink (k int, v int, a varchar, u boolean)",
            "create stream s on table t",
        ):
            first.execute(text)
        for session in self.sessions:
            session.execute("use schema d.public")
            session.execute("alter session set lock_timeout = 0")

    def change(self, who: int, text: str, inserted: State, updated: State, deleted: set[int]) -> None:
        session, model = self.sessions[who], self.model
        try:
            session.execute(text)
        except SnowflakeError as error:
            assert error.errno == LOCKED, error
            return
        own = model.open.get(who)
        statement = session.query_ids[-1]
        if own is None:
            if inserted or updated or deleted:
                rows = {**model.states[-1], **updated, **inserted}
                model.keep({key: value for key, value in rows.items() if key not in deleted}, statement)
            return
        for key, value in updated.items():
            (own.inserted if key in own.inserted else own.updated)[key] = value
        own.inserted.update(inserted)
        own.deleted |= deleted
        if inserted or updated or deleted:
            own.statement = statement

    def step(self, who: int, what: str, a: int, b: int) -> None:
        getattr(self, what)(who, a, b)

    def insert(self, who: int, a: int, b: int) -> None:
        keys = range(self.next_key, self.next_key + 1 + a % 3)
        self.next_key = keys.stop
        values = ", ".join(f"({key}, {b})" for key in keys)
        self.change(who, f"insert into t values {values}", dict.fromkeys(keys, b), {}, set())

    def update(self, who: int, a: int, b: int) -> None:
        rows = self.model.seen(who)
        new = {key: value + 1 for key, value in rows.items() if key % a == b % a}
        self.change(who, f"update t set v = v + 1 where k % {a} = {b % a}", {}, new, set())

    def delete(self, who: int, a: int, b: int) -> None:
        gone = {key for key in self.model.seen(who) if key % a == b % a}
        self.change(who, f"delete from t where k % {a} = {b % a}", {}, {}, gone)

    def merge(self, who: int, a: int, b: int) -> None:
        rows, key = self.model.seen(who), self.next_key
        self.next_key += 1
        known = {item: value + 10 for item, value in rows.items() if item % (a + 1) == 0 and item % 2 == 0}
        gone = {item for item in rows if item % (a + 1) == 0 and item % 2}
        self.change(
            who,
            f"merge into t using (select k, v from t where k % {a + 1} = 0 union all select {key}, {b}) s on t.k = s.k "
            "when matched and t.k % 2 = 0 then update set v = s.v + 10 when matched then delete "
            "when not matched then insert values (s.k, s.v)",
            {key: b},
            known,
            gone,
        )

    def begin(self, who: int, _a: int, _b: int) -> None:
        if who not in self.model.open:
            self.sessions[who].execute("begin")
            self.model.open[who] = Transaction(len(self.model.states) - 1, self.model.base)

    def commit(self, who: int, _a: int, _b: int) -> None:
        self.sessions[who].execute("commit")
        model, own = self.model, self.model.open.pop(who, None)
        if own is None:
            return
        if own.statement:
            rows = {**model.states[-1], **own.updated, **own.inserted}
            model.keep({key: value for key, value in rows.items() if key not in own.deleted}, own.statement)
        if own.consumes:
            model.base = max(own.start, own.base)
        model.sink += own.sink

    def rollback(self, who: int, _a: int, _b: int) -> None:
        self.sessions[who].execute("rollback")
        self.model.open.pop(who, None)

    def consume(self, who: int, _a: int, _b: int) -> None:
        model, own = self.model, self.model.open.get(who)
        try:
            self.sessions[who].execute(
                "insert into sink select k, v, metadata$action, metadata$isupdate from s where k >= 0"
            )
        except SnowflakeError as error:
            assert error.errno == LOCKED, error
            return
        if own is None:
            model.sink += sorted(model.changes(who))
            model.base = len(model.states) - 1
            return
        if not own.consumes:
            own.base = max(own.base, model.base)
        own.consumes = True
        own.sink += sorted(model.changes(who))

    def check(self) -> None:
        for who, session in enumerate(self.sessions):
            assert rows_of(session, "select k, v from t") == sorted(self.model.seen(who).items())
            assert set(rows_of(session, STREAM)) == self.model.changes(who)

    def check_history(self, session: Session) -> None:
        for statement, place in self.model.marks[-8:]:
            at, before = self.model.states[place], self.model.states[place - 1]
            assert rows_of(session, f"select k, v from t at(statement => '{statement}')") == sorted(at.items())
            assert rows_of(session, f"select k, v from t before(statement => '{statement}')") == sorted(before.items())

    def check_after_crash(self, folder: Path) -> None:
        """Copy the files as they are, transactions open, and look at what a new server makes of them."""
        shutil.copytree(self.folder, folder)
        account = open_account(folder)
        try:
            session = log_in(account)
            session.execute("use schema d.public")
            self.model.open.clear()
            assert rows_of(session, "select k, v from t") == sorted(self.model.states[-1].items())
            assert set(rows_of(session, STREAM)) == self.model.changes(0)
            assert rows_of(session, "select k, v, a, u from sink") == sorted(self.model.sink)
            self.check_history(session)
        finally:
            account.close()


STREAM = "select k, v, metadata$action, metadata$isupdate from s"


def open_account(folder: Path) -> Account:
    account = Account("TEST-ACCOUNT", folder / "account.duckdb")
    bootstrap(account.catalog, "a-test-password")
    return account


def log_in(account: Account) -> Session:
    user, role = (account.catalog.find(*key) for key in (("USER", ACCOUNT, "ADMIN"), ("ROLE", ACCOUNT, "ACCOUNTADMIN")))
    assert user is not None and role is not None
    return Session(account, user.oid, role.oid)


def rows_of(session: Session, text: str) -> list[tuple[Any, ...]]:
    arrow = session.execute(text).arrow
    assert arrow is not None
    return sorted(
        tuple(int(value) if not isinstance(value, str | bool) else value for value in row.values())
        for row in arrow.to_pylist()
    )


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            ["insert", "insert", "update", "delete", "merge", "begin", "begin", "commit", "rollback", "consume"]
        ),
        st.integers(1, 5),
        st.integers(0, 9),
    ),
    min_size=5,
    max_size=30,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_random_work_is_as_the_model_says(steps: list[tuple[int, str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").mkdir()
        world = World(Path(folder) / "a")
        try:
            for step in steps:
                world.step(*step)
                world.check()
            world.check_history(world.sessions[0])
            world.check_after_crash(Path(folder) / "b")
        finally:
            world.account.close()
