"""ALTER TABLE in all its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def alter_table(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """Do the form of ALTER TABLE that comes next, and say whether it was one that only tables have."""
    return False
