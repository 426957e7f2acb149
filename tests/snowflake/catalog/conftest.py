"""Sessions in process that give rows as dictionaries."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from embedded.snowflake.account import Account
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session


class Client:
    """A session and short words for its use."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def run(self, text: str) -> Result:
        return self.session.execute(text)

    def rows(self, text: str) -> list[dict[str, object]]:
        result = self.session.execute(text)
        names = [column.name for column in result.columns]
        if result.arrow is not None:
            rows = zip(*(column.to_pylist() for column in result.arrow.columns), strict=True)
        else:
            rows = iter(result.rows or [])
        return [dict(zip(names, row, strict=True)) for row in rows]

    def row(self, text: str) -> dict[str, object]:
        (row,) = self.rows(text)
        return row

    def script(self, *texts: str) -> None:
        for text in texts:
            self.session.execute(text)

    def refused(self, text: str) -> SnowflakeError:
        with pytest.raises(SnowflakeError) as error:
            self.session.execute(text)
        return error.value


@pytest.fixture(scope="session")
def shared_account() -> Iterator[Account]:
    """One account for all tests here: making one for each would take most of their time."""
    made = Account("TEST-CATALOG", None)
    bootstrap(made.catalog, "a-test-password")
    yield made
    made.close()


@pytest.fixture
def account(shared_account: Account) -> Iterator[Account]:
    """The shared account, whose catalog is afterwards as it was before."""
    catalog = shared_account.catalog
    objects = {oid: item.to_json() for oid, item in catalog._objects.items()}
    records = copy.deepcopy(catalog._records)
    yield shared_account
    with catalog.transaction() as changes:
        for oid, item in list(catalog._objects.items()):
            if item.to_json() != objects.get(oid):
                changes.pending["object", str(oid)] = objects.get(oid)
        for name in {*records, *catalog._records}:
            before, after = records.get(name, {}), catalog._records.get(name, {})
            for key in {*before, *after}:
                if before.get(key) != after.get(key):
                    changes.pending[name, key] = before.get(key)


@pytest.fixture
def connect(session: Callable[..., Session]) -> Callable[..., Client]:
    """A client in a role (ACCOUNTADMIN by default) of a user (ADMIN by default), secondary roles off."""

    def make(role: str = "ACCOUNTADMIN", user: str = "ADMIN") -> Client:
        made = session(user, role)
        made.secondary_roles = False
        return Client(made)

    return make


@pytest.fixture
def admin(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture
def db(admin: Client) -> Client:
    """ACCOUNTADMIN in LOGISTICS.RAW."""
    admin.script("create database logistics", "create schema raw")
    return admin
