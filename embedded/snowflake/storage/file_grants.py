"""Leave for a client to read or write files of one place on a stage, for a while, without a session: a secret token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from embedded.snowflake.storage.stages import Location

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_VALID = timedelta(hours=1)


@dataclass(frozen=True)
class FileGrant:
    """What a token allows, until when."""

    place: Location
    write: bool
    until: datetime


def grant(account: Account, place: Location, *, write: bool) -> str:
    """A token for the files of a place; it begins with the account's name."""
    now, grants = account.clock.now(), account.storage.file_grants
    for token in [token for token, found in grants.items() if found.until < now]:
        grants.pop(token, None)
    token = f"{account.name}.{secrets.token_urlsafe(24)}"
    grants[token] = FileGrant(place, write, now + _VALID)
    return token


def find_grant(account: Account, token: str) -> FileGrant | None:
    """What a token allows, or None if it is not known or its time is over."""
    found = account.storage.file_grants.get(token)
    return found if found is not None and found.until >= account.clock.now() else None
