"""The kinds of values that a stack file may hold, each with its check and the words for what is allowed."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from croniter import croniter
from pydantic import BeforeValidator

WAREHOUSE_SIZES = (
    "X-SMALL",
    "SMALL",
    "MEDIUM",
    "LARGE",
    "X-LARGE",
    "2X-LARGE",
    "3X-LARGE",
    "4X-LARGE",
    "5X-LARGE",
    "6X-LARGE",
)
"""Snowflake's warehouse sizes, smallest first."""

_SIZE_SYNONYMS = {"XXLARGE": "2XLARGE", "XXXLARGE": "3XLARGE"} | {f"X{n}LARGE": f"{n}XLARGE" for n in range(2, 7)}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")


def _warehouse_size(value: Any) -> str:
    bare = str(value).upper().replace("-", "")
    wanted = _SIZE_SYNONYMS.get(bare, bare)
    for size in WAREHOUSE_SIZES:
        if size.replace("-", "") == wanted:
            return size
    raise ValueError("not a warehouse size")


def _cron(value: Any) -> str:
    """Checks a Snowflake cron expression: five fields and a time zone."""
    text = " ".join(str(value).split())
    *fields, zone = text.split(" ")
    if len(fields) != 5 or not croniter.is_valid(" ".join(fields)):
        raise ValueError("not a cron expression")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {zone!r}") from None
    return text


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.match(value):
        raise ValueError("not an unquoted identifier")
    return value.upper()


def _suffix(value: Any) -> str:
    if value in (None, ""):
        return ""
    if not re.fullmatch(r"[A-Za-z0-9_]+", str(value)):
        raise ValueError("not a suffix of an identifier")
    return str(value).upper()


def decoded(value: Any) -> Any:
    """Returns the list or mapping that Pulumi hands to a program as JSON text; anything else as it is."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


AUTHENTICATION_METHODS = ("KEYPAIR", "OAUTH", "SAML", "PASSWORD", "PROGRAMMATIC_ACCESS_TOKEN", "WORKLOAD_IDENTITY")
"""How a user may log in, as Snowflake's authentication policies name it."""


def _network(value: Any) -> str:
    try:
        network = IPv4Network(str(value))
    except ValueError:
        raise ValueError("not an IPv4 address or network") from None
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def _method(value: Any) -> str:
    if str(value).upper() not in AUTHENTICATION_METHODS:
        raise ValueError("not an authentication method")
    return str(value).upper()


Network = Annotated[str, BeforeValidator(_network)]
AuthenticationMethod = Annotated[str, BeforeValidator(_method)]
WarehouseSize = Annotated[str, BeforeValidator(_warehouse_size)]
Cron = Annotated[str, BeforeValidator(_cron)]
Identifier = Annotated[str, BeforeValidator(_identifier)]
Suffix = Annotated[str, BeforeValidator(_suffix)]
