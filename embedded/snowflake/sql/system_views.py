"""INFORMATION_SCHEMA and SNOWFLAKE.ACCOUNT_USAGE."""

from __future__ import annotations

from embedded.snowflake.errors import does_not_exist
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.scope import Relation


def bind_system_view(context: Context, path: tuple[str, ...]) -> Relation:
    """A system view by its full name.

    Raises:
        SnowflakeError: there is none of that name (002003).
    """
    raise does_not_exist("Object", ".".join(path))
