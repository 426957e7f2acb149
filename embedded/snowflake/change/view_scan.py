"""Changes of a view between two states of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.names import encode, quote
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.translate import query
from embedded.snowflake.storage.pins import pinned

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def view_changes(
    session: Session, view: CatalogObject, since: dict[int, int], until: dict[int, int], append_only: bool
) -> str:
    """A DuckDB subquery of the rows that a view gained and lost, with the METADATA$ columns.

    The view is read at both states; rows that are the same in both cancel each other, as often as they stand in both.
    A lost and a gained row are not paired: METADATA$ISUPDATE is false, as for a row of a join in Snowflake.
    """
    before, after = _at(session, view, since), _at(session, view, until)
    gained = f"SELECT *, 'INSERT' AS _action FROM (({after}) EXCEPT ALL ({before}))"
    lost = f"SELECT *, 'DELETE' AS _action FROM (({before}) EXCEPT ALL ({after}))"
    rows = gained if append_only else f"{gained} UNION ALL {lost}"
    action, is_update, row_id = (
        quote(encode(name)) for name in ("METADATA$ACTION", "METADATA$ISUPDATE", "METADATA$ROW_ID")
    )
    names = ", ".join(quote(encode(column["name"])) for column in view.body["columns"])
    return (
        f"(SELECT {names}, _action AS {action}, false AS {is_update}, sha1(CAST(ROW({names}) AS VARCHAR)) AS {row_id} "
        f"FROM ({rows}))"
    )


def _at(session: Session, view: CatalogObject, versions: dict[int, int]) -> str:
    """The view's rows with its tables at versions."""
    tree = parse_query(f"select * from {full_name(session.account.catalog, view)}")
    with pinned(versions.get):
        translated = query(session, tree)
    parts = ", ".join(
        f"{quote(found)} AS {quote(encode(column['name']))}"
        for found, column in zip(translated.duckdb_names, view.body["columns"], strict=True)
    )
    return f"SELECT {parts} FROM ({translated.duckdb_sql})"
