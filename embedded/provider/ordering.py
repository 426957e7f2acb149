"""Order sets as Terraform does: by the checksum of each element, compared as decimal text."""

import zlib
from collections.abc import Iterable
from typing import Any


def _rank(value: Any) -> str:
    return str(zlib.crc32(f"{value};".encode()))


def set_order(items: Iterable[Any]) -> list[Any]:
    """Return the distinct scalars of a set in the order in which statements and states list them."""
    listed = list(items)
    if any(not isinstance(item, (str, int, float)) for item in listed):
        return listed
    return sorted(dict.fromkeys(listed), key=_rank)
