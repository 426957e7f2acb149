"""The session's current role, warehouse, database and schema: checked, then taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import SnowflakeError, operation_cannot_be_performed
from embedded.snowflake.names import ObjectName, quote_if_needed
from embedded.snowflake.security.privileges import may_use_role, reach

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


# Session parameters that Snowflake takes but does not list: the form of results, ARROW or JSON, for each client.
RESULT_FORMATS = ("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "GO_QUERY_RESULT_FORMAT", "QUERY_RESULT_FORMAT")


def use_role(session: Session, name: str) -> None:
    """Take another role.

    Raises:
        SnowflakeError: there is none (002043), or it is not granted to the user (003013).
    """
    role = session.account.catalog.find("ROLE", ACCOUNT, name)
    if role is None:
        raise operation_cannot_be_performed()
    if not may_use_role(session, role.oid):
        raise SnowflakeError(
            f"SQL access control error:\nRequested role '{quote_if_needed(name)}' is not assigned to the executing user."
            " Specify another role to activate.",
            3013,
            "42501",
        )
    session.role = role.oid


def use_warehouse(session: Session, name: ObjectName) -> None:
    """Take another warehouse.

    Raises:
        SnowflakeError: there is none that the session may see and use (002043).
    """
    session.warehouse = _reached(session, "WAREHOUSE", name)


def use_database(session: Session, name: ObjectName) -> None:
    """Take another database, with its schema PUBLIC if it has one.

    Raises:
        SnowflakeError: there is none that the session may see and use (002043).
    """
    session.database = _reached(session, "DATABASE", name)
    try:
        session.schema = _reached(session, "SCHEMA", ObjectName(None, session.database, "PUBLIC"))
    except SnowflakeError:
        session.schema = None


def use_schema(session: Session, name: ObjectName) -> None:
    """Take another schema, and its database.

    Raises:
        SnowflakeError: there is none that the session may see and use (002043), or no current database (090105).
    """
    database = name.schema or session.current_database()
    schema = _reached(session, "SCHEMA", ObjectName(None, database, name.name))
    session.database, session.schema = database, schema


def _reached(session: Session, kind: str, name: ObjectName) -> str:
    try:
        return reach(session, kind, name, "USAGE").name
    except SnowflakeError as error:
        if error.errno in (2003, 2043, 3001):
            raise operation_cannot_be_performed() from error
        raise
