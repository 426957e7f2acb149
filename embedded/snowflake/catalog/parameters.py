"""Parameters: what can be set on the account, on objects and in sessions, and the value that holds where.

A value set on an object (its body's `parameters`, the account's records) is inherited by what is below it:
account > database > schema > table, task, function, procedure; account > warehouse; account > user > session.
Values are kept as the text that SHOW PARAMETERS prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameter_table import TABLE
from embedded.snowflake.catalog.values import Property, invalid_value, text
from embedded.snowflake.errors import unsupported
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import Catalog
    from embedded.snowflake.session.session import Session

COLLECTION = "account_parameter"
# Keys with a range of values: least and most.
_RANGES = {
    "DATA_RETENTION_TIME_IN_DAYS": (0, 90),
    "MIN_DATA_RETENTION_TIME_IN_DAYS": (0, 90),
    "MAX_DATA_EXTENSION_TIME_IN_DAYS": (0, 90),
    "STATEMENT_TIMEOUT_IN_SECONDS": (0, 604_800),
    "JSON_INDENT": (0, 16),
    "WEEK_START": (0, 7),
    "WEEK_OF_YEAR_POLICY": (0, 1),
    "TWO_DIGIT_CENTURY_START": (1900, 2100),
    "USER_TASK_TIMEOUT_MS": (0, 604_800_000),
    "TASK_AUTO_RETRY_ATTEMPTS": (0, 30),
}


# Parameters that change what statements do, of which only the default is done here.
_DEFAULT_ONLY = frozenset(
    {
        "DEFAULT_DDL_COLLATION",
        "DEFAULT_NULL_ORDERING",
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        "SEARCH_PATH",
        "TIMESTAMP_DAY_IS_ALWAYS_24H",
        "TRANSACTION_DEFAULT_ISOLATION_LEVEL",
        "TWO_DIGIT_CENTURY_START",
    }
)


@dataclass(frozen=True)
class Parameter:
    """A parameter: `type` is BOOLEAN, NUMBER or STRING; `words` are the values allowed, none for any."""

    key: str
    type: str
    words: tuple[str, ...]
    default: str
    levels: frozenset[str]
    description: str

    def check(self, value: str) -> str:
        """The value as it is kept.

        Raises:
            SqlCompilationError: it is none that the parameter takes (001008).
            SnowflakeError: only the default of the parameter is done here (000002).
        """
        checked = self._checked(value)
        if self.key in _DEFAULT_ONLY and checked.lower() != self.default.lower():
            raise unsupported(f"{self.key} = {checked}")
        return checked

    def _checked(self, value: str) -> str:
        if self.type == "BOOLEAN":
            known = {"TRUE": "true", "ON": "true", "1": "true", "FALSE": "false", "OFF": "false", "0": "false"}
            if value.upper() not in known:
                raise invalid_value(value, self.key)
            return known[value.upper()]
        if self.type == "NUMBER":
            low, high = _RANGES.get(self.key, (0, 2**63))
            if not value.isdigit() or not low <= int(value) <= high:
                raise invalid_value(value, self.key)
            return str(int(value))
        if self.words:
            for word in self.words:
                if word.upper() == value.upper():
                    return word
            raise invalid_value(value, self.key)
        return value


@dataclass(frozen=True)
class Setting:
    """The value that holds somewhere, and the level that it was set at (empty: nowhere, the default)."""

    value: str
    level: str


def _parse(line: str) -> Parameter:
    key, kind, default, levels, description = (part.strip() for part in (line + " ").split("|"))
    kind, _, words = kind.partition(":")
    return Parameter(
        key, kind, tuple(words.split("/")) if words else (), default, frozenset(levels.split()), description
    )


PARAMETERS: dict[str, Parameter] = {parameter.key: parameter for parameter in map(_parse, TABLE.strip().splitlines())}


@cache
def keys(level: str) -> tuple[str, ...]:
    """The keys that can be set at a level (lower case: `account`, `user`, `database` …), by name; a session's are a user's."""
    level = "user" if level == "session" else level
    return tuple(key for key, parameter in PARAMETERS.items() if level in parameter.levels)


@cache
def properties(level: str) -> dict[str, Property]:
    """The parameters of a level as properties of CREATE and ALTER."""
    return {key: Property(_reader(key), PARAMETERS[key].default) for key in keys(level)}


def _reader(key: str) -> Any:
    def read(tokens: TokenStream) -> str:
        return PARAMETERS[key].check(text(tokens))

    return read


def setting(catalog: Catalog, key: str, item: CatalogObject | None) -> Setting:
    """The value of a parameter on an object (None: on the account), its own or inherited."""
    while item is not None:
        own = item.body.get("parameters", {}).get(key)
        if own is not None:
            return Setting(own, item.kind)
        item = catalog.get(item.container) if item.container != ACCOUNT else None
    value = catalog.record(COLLECTION, key)
    return Setting(PARAMETERS[key].default, "") if value is None else Setting(value, "ACCOUNT")


def session_setting(session: Session, key: str) -> Setting:
    """The value of a parameter in a session: set there, or the user's, or the account's."""
    if key in session.parameters:
        value = session.parameters[key]
        return Setting(str(value).lower() if isinstance(value, bool) else str(value), "SESSION")
    catalog = session.account.catalog
    return setting(catalog, key, catalog.get(session.user) if session.user else None)


# What is transient or temporary keeps no more.
_MOST_SHORT_DAYS = 1


def _is_short_lived(body: dict[str, Any]) -> bool:
    return bool(body.get("transient")) or body.get("temporary_session") is not None


def check_retention(body: dict[str, Any]) -> None:
    """Make sure that a transient or temporary object is told to keep a day at most.

    Raises:
        SqlCompilationError: it is told to keep more (001008).
    """
    days = body.get("parameters", {}).get("DATA_RETENTION_TIME_IN_DAYS")
    if days is not None and int(days) > _MOST_SHORT_DAYS and _is_short_lived(body):
        raise invalid_value(days, "DATA_RETENTION_TIME_IN_DAYS")


def retention_days(catalog: Catalog, item: CatalogObject) -> int:
    """Days that the object's old data and dropped children are kept: the parameter, at least the account's minimum."""
    days = int(setting(catalog, "DATA_RETENTION_TIME_IN_DAYS", item).value)
    least = catalog.record(COLLECTION, "MIN_DATA_RETENTION_TIME_IN_DAYS")
    if _is_short_lived(item.body):
        days = min(days, _MOST_SHORT_DAYS)
    return max(days, int(least)) if least else days
