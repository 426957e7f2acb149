"""Checks of what logs in: the server's certificate, users' key pairs, programmatic access tokens."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.orchestration.checks.problems import Looked, Problem
from logistics.orchestration.checks.site import Site
from logistics.orchestration.findings import CRITICAL, UNKNOWN, WARNING
from logistics.sql import quoted

KEY_WARNING = timedelta(days=90)
KEY_CRITICAL = timedelta(days=365)
"""A key pair that was set longer ago is a warning or critical."""
EXPIRY_WARNING = timedelta(days=14)
EXPIRY_CRITICAL = timedelta(days=3)
"""What expires sooner is a warning or critical."""
_CONNECT_SECONDS = 10
_KEYS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")


def certificates(site: Site) -> Looked:
    """Whether the account's certificate is valid for a while; a server on plain HTTP has none."""
    if site.variables.get("SNOWFLAKE_PROTOCOL") == "http":
        return "the local Snowflake speaks HTTP on loopback: there is no certificate"
    host = site.variables.get("SNOWFLAKE_HOST") or f"{site.settings.account.account}.snowflakecomputing.com".lower()
    port = int(site.variables.get("SNOWFLAKE_PORT") or 443)
    try:
        ends = _certificate_ends(host, port)
    except ssl.SSLCertVerificationError as error:
        yield Problem(
            CRITICAL,
            host,
            f"certificate refused: {error.verify_message}",
            "check the host, the clock and any proxy between",
        )
        return ""
    except OSError as error:
        yield Problem(UNKNOWN, host, f"its certificate cannot be read: {error}", "", 10)
        return ""
    yield from _expiring(host, "its certificate", ends, site.now, "ask who keeps the host or proxy")
    return f"the certificate of {host} is valid until {ends:%Y-%m-%d}"


def _certificate_ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), _CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        certificate = secure.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def keys(site: Site) -> Looked:
    """How old the key pairs of the platform's users are, and when their programmatic access tokens expire."""
    platform = site.settings.platform
    users = [platform.named(user.name) for user in platform.users]
    names = list(dict.fromkeys([*users, site.settings.account.user.upper()]))
    known = {row["name"]: row for row in site.rows("SHOW USERS")}
    for name in names:
        if name not in known:
            yield Problem(WARNING, name, "the user is gone", "logistics deploy makes it again")
            continue
        if str(known[name].get("has_rsa_public_key")).lower() == "true":
            yield from _old_keys(site, name)
        yield from _tokens(site, name)
        if name in users and str(known[name].get("disabled")).lower() == "true":
            yield Problem(
                WARNING,
                name,
                "the user is disabled, and the stack file still names it",
                "take it out of logistics:users",
                20,
            )
    return f"no key of {len(names)} users is older than {KEY_WARNING.days} days, no token expires within {EXPIRY_WARNING.days}"


def _old_keys(site: Site, user: str) -> Iterator[Problem]:
    said = {row["property"]: row["value"] for row in site.rows(f"DESCRIBE USER {quoted(user)}")}
    for key in _KEYS:
        age = _age(said.get(f"{key}_LAST_SET_TIME"), site.now) if _given(said.get(f"{key}_FP")) else None
        if age is not None and age > KEY_WARNING:
            other = next(name for name in _KEYS if name != key)
            yield Problem(
                CRITICAL if age > KEY_CRITICAL else WARNING,
                user,
                f"{key} was set {age.days} days ago",
                f"make a new pair, set it as {other}, move the clients to it, then unset {key}",
                35,
            )


def _tokens(site: Site, user: str) -> Iterator[Problem]:
    for row in site.rows(f"SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER {quoted(user)}"):
        expires = row.get("expires_at")
        if str(row.get("status", "ACTIVE")).upper() == "DISABLED" or expires is None:
            continue
        yield from _expiring(
            user,
            f"token {row['name']}",
            _utc(expires),
            site.now,
            f"ALTER USER {quoted(user)} ROTATE PROGRAMMATIC ACCESS TOKEN {row['name']}, or remove it",
        )


def _expiring(subject: str, what: str, ends: datetime, now: datetime, advice: str) -> Iterator[Problem]:
    left = ends - now
    if left > EXPIRY_WARNING:
        return
    said = (
        f"expires in {left.days} days, at {ends:%Y-%m-%d %H:%M} UTC"
        if left > timedelta(0)
        else f"expired at {ends:%Y-%m-%d %H:%M} UTC"
    )
    yield Problem(CRITICAL if left < EXPIRY_CRITICAL else WARNING, subject, f"{what} {said}", advice, 60)


def _given(value: Any) -> bool:
    return bool(value) and str(value).lower() != "null"


def _age(value: Any, now: datetime) -> timedelta | None:
    """Returns how long ago a time of DESCRIBE USER was; it is text in UTC, without a zone unless it says one."""
    if not _given(value):
        return None
    try:
        return now - _utc(datetime.fromisoformat(str(value)))
    except ValueError:
        return None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
