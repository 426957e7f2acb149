"""Change: streams on tables and views, and whether they have data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def has_data(session: Session, name: str) -> bool:
    """SYSTEM$STREAM_HAS_DATA: whether a stream, given by its name as written, has unread changes.

    Raises:
        SnowflakeError: there is no such stream (002003), its source was dropped, or it is stale.
    """
    from embedded.snowflake.change.scan import stream_has_data
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.tokens import TokenStream

    return stream_has_data(session, reach(session, "STREAM", TokenStream(name).name(), "SELECT"))
