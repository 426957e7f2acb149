"""SYSTEM$ functions that tell of a stream's offset."""

from __future__ import annotations

from embedded.snowflake.errors import does_not_exist
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import NUMBER


@function("SYSTEM$STREAM_GET_TABLE_TIMESTAMP", args=1)
def stream_get_table_timestamp(call: Call) -> Typed:
    """When the table's newest version at or before a stream's offset was made, in nanoseconds since 1970.

    A stream on a view has the oldest of its tables' times.
    """
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.storage.transactions import offset
    from embedded.snowflake.tokens import TokenStream

    context = call.binder.context
    context.reads.volatile = True
    name = TokenStream(str(call.constant(0))).name()
    stream = reach(context.session, "STREAM", name)
    if stream.kind != "STREAM":
        raise does_not_exist("Stream", str(name))
    storage, catalog = context.account.storage, context.account.catalog
    times = [
        storage.history(table).time_of(version) or catalog.get(table).created_on
        for table, version in offset(context.session, stream.oid).items()
    ]
    return Typed(str(int(min(times).timestamp() * 1_000_000) * 1000 if times else 0), NUMBER, exact=False)
