"""What stands deployed and who sees what of it, asked of the account itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.connection import connect
from logistics.local.secrets import user_key_file
from logistics.settings import StackSettings, UserSettings
from logistics.sql import full_name, identifier

ENGINEER, ANALYST, OTHER = "DATA_ENGINEER", "DATA_ANALYST", "DATA_SCIENTIST"
COMPARED_CUSTOMERS = 3
_COLUMNS = "customer_id, contact_email, customer_tier"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one role sees.

    Attributes:
        role: the role.
        user: the user who asked.
        total: the number of customers it sees at all.
        rows: id, e-mail and tier of those of the compared customers that it sees.
    """

    role: str
    user: str
    total: int
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A deployed stack.

    Attributes:
        account: the account, and where it is.
        resources: number of resources by type.
        customers: the compared customers.
        sights: what each role sees of them.
        segments: number of customers by behaviour segment.
    """

    account: str
    resources: Mapping[str, int]
    customers: Sequence[str]
    sights: Sequence[Sight]
    segments: Mapping[str, int]


def summarize(root: Path, settings: StackSettings, variables: Mapping[str, str], resources: Counter[str]) -> Summary:
    """Asks the account as an engineer, as an analyst and as a scientist.

    A role whose user the stack file names is asked as that user where its key is at hand (on the local Snowflake), else
    as the deploying user in that role.
    """
    with connect(settings, variables, role=ENGINEER) as connection:
        customers = _compared(settings, connection.cursor())
        engineer = _sight(settings, connection, ENGINEER, customers)
        segments = _segments(settings, connection.cursor())
    others = [_sight_of_role(root, settings, variables, role, customers) for role in (ANALYST, OTHER)]
    where = f"{settings.account.account}, {'local Snowflake' if settings.account.is_local else 'Snowflake'}"
    return Summary(
        account=where, resources=resources, customers=customers, sights=[engineer, *others], segments=segments
    )


def _compared(settings: StackSettings, cursor: Any) -> list[str]:
    """Returns customers to compare: some that an analyst may see, and one more."""
    analyst = _user_of(settings, ANALYST)
    listed = sorted(analyst.customers)[: COMPARED_CUSTOMERS - 1] if analyst else []
    cursor.execute(
        f"SELECT customer_id FROM {_customers(settings)} ORDER BY customer_id LIMIT {COMPARED_CUSTOMERS + len(listed)}"
    )
    more = [
        row[0]
        for row in cursor.fetchall()
        if row[0] not in listed and (analyst is None or row[0] not in analyst.customers)
    ]
    return sorted([*listed, *more[: COMPARED_CUSTOMERS - len(listed)]])


def _sight_of_role(
    root: Path, settings: StackSettings, variables: Mapping[str, str], role: str, customers: Sequence[str]
) -> Sight:
    user = _user_of(settings, role)
    if user is None or not settings.account.is_local:
        with connect(settings, variables, role=role) as connection:
            return _sight(settings, connection, role, customers)
    name = settings.platform.named(user.name)
    with connect(settings, variables, role=role, user=name, private_key_file=user_key_file(root)) as connection:
        return _sight(settings, connection, role, customers)


def _sight(settings: StackSettings, connection: Any, role: str, customers: Sequence[str]) -> Sight:
    cursor = connection.cursor()
    cursor.execute(f"SELECT COUNT(*) FROM {_customers(settings)}")
    total = int(cursor.fetchone()[0])
    rows: list[tuple[Any, ...]] = []
    if customers:
        places = ", ".join(["%s"] * len(customers))
        cursor.execute(
            f"SELECT {_COLUMNS} FROM {_customers(settings)} WHERE customer_id IN ({places}) ORDER BY customer_id",
            list(customers),
        )
        rows = cursor.fetchall()
    return Sight(role=role, user=connection.user, total=total, rows=rows)


def _segments(settings: StackSettings, cursor: Any) -> dict[str, int]:
    table = full_name(settings.platform.database, "ML_FEATURES", "TBL_ML_CUSTOMER_BEHAVIOR_SEGMENTS")
    cursor.execute(
        f"SELECT behavior_segment, COUNT(*) FROM {table} GROUP BY behavior_segment ORDER BY behavior_segment"
    )
    return {row[0]: int(row[1]) for row in cursor.fetchall()}


def _customers(settings: StackSettings) -> str:
    return f"{identifier(settings.platform.database)}.MARTS.TBL_DIM_CUSTOMER"


def _user_of(settings: StackSettings, role: str) -> UserSettings | None:
    return next((user for user in settings.platform.users if user.role == role), None)
