"""Connections to a stack's account, by the official connector, with one clear error where there is none."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from logistics.errors import ConnectionFailed, LogisticsError
from logistics.settings import StackSettings

QUERY_TAG = "AUDIT_QUERY"
"""The tag by which the audit finds this platform's own statements."""

NO_PLATFORM_DETECTION = "SNOWFLAKE_DISABLE_PLATFORM_DETECTION"
"""The connector's variable that keeps it from asking the clouds' metadata addresses where it runs."""

LOGIN_SECONDS = 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_KEY_VARIABLE = "SNOWFLAKE_PRIVATE_KEY_PATH"
_KEY_TEXT_VARIABLE = "SNOWFLAKE_PRIVATE_KEY"


@contextmanager
def connect(
    settings: StackSettings,
    variables: Mapping[str, str] = os.environ,
    *,
    role: str | None = None,
    user: str | None = None,
    private_key_file: Path | None = None,
) -> Iterator[Any]:
    """Opens a connection to a stack's account for a `with` block.

    Args:
        settings: the stack's settings; they name the account, the deploying user and role, warehouse and database.
        variables: SNOWFLAKE_HOST, PORT, PROTOCOL, and SNOWFLAKE_PASSWORD or SNOWFLAKE_PRIVATE_KEY_PATH.
        role: instead of the deploying role; without the stack's suffix.
        user: instead of the deploying user.
        private_key_file: the user's key, instead of the password.

    Raises:
        ConnectionFailed: the account cannot be reached or refuses the login.
        LogisticsError: Snowflake refuses a statement within the block.
    """
    import snowflake.connector
    from snowflake.connector import errors

    given = parameters(settings, variables, role=role, user=user, private_key_file=private_key_file)
    _check_reachable(given)
    if given.get("host") in _LOOPBACK:
        os.environ.setdefault(NO_PLATFORM_DETECTION, "true")  # what is local sends nothing elsewhere
    try:
        connection = snowflake.connector.connect(**given)
    except errors.Error as error:
        raise ConnectionFailed(f"{_where(given)} refuses {given['user']}: {_text(error)}") from None
    try:
        yield connection
    except errors.ProgrammingError as error:
        raise LogisticsError(f"Snowflake refuses a statement: {_text(error)}") from error
    except errors.Error as error:
        raise ConnectionFailed(f"{_where(given)} was lost: {_text(error)}") from error
    finally:
        connection.close()


def shown(cursor: Any, text: str) -> list[dict[str, Any]]:
    """Runs a statement; returns its rows by lower-case column name."""
    cursor.execute(text)
    names = [column[0].lower() for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def parameters(
    settings: StackSettings,
    variables: Mapping[str, str],
    *,
    role: str | None = None,
    user: str | None = None,
    private_key_file: Path | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    """Returns what the connector is to be called with; see `connect` for the arguments.

    Args:
        token: the user's access token, where the account takes those of an identity provider (External OAuth).

    Raises:
        ConnectionFailed: there are no credentials.
    """
    platform = settings.platform
    found: dict[str, Any] = {
        "account": settings.account.account,
        "user": user or settings.account.user,
        "role": platform.named(role) if role else settings.account.role,
        "warehouse": platform.warehouse,
        "database": platform.database,
        "login_timeout": LOGIN_SECONDS,
        "session_parameters": {"QUERY_TAG": QUERY_TAG},
        "enable_server_session_keep_alive_auto_detection": False,  # nothing runs on after a command
    }
    for name in ("host", "port", "protocol"):
        if value := variables.get(f"SNOWFLAKE_{name.upper()}"):
            found[name] = value
    if token:
        return found | {"authenticator": "oauth", "token": token}
    return found | _credentials(settings, variables, private_key_file)


def _credentials(
    settings: StackSettings, variables: Mapping[str, str], private_key_file: Path | None
) -> dict[str, Any]:
    key = private_key_file or variables.get(_KEY_VARIABLE)
    if key:
        return {"private_key_file": str(key), "authenticator": "SNOWFLAKE_JWT"}
    if text := variables.get(_KEY_TEXT_VARIABLE):
        return {"private_key": _der(text), "authenticator": "SNOWFLAKE_JWT"}
    if password := variables.get("SNOWFLAKE_PASSWORD"):
        return {"password": password}
    raise ConnectionFailed(
        f"no credentials for {settings.account.account}: set SNOWFLAKE_PASSWORD or {_KEY_VARIABLE}, "
        f"or {_KEY_TEXT_VARIABLE} to the key itself"
    )


def _der(text: str) -> bytes:
    """Returns a private key that was given as text (PEM, as Pulumi takes it) in the form that the connector takes."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise ConnectionFailed(f"{_KEY_TEXT_VARIABLE} holds no unencrypted private key in PEM form") from None
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form)


def _check_reachable(given: Mapping[str, Any]) -> None:
    """Fails at once where nothing listens; the connector itself would try again for a long time."""
    if "host" not in given or "port" not in given:
        return
    try:
        socket.create_connection((given["host"], int(given["port"])), timeout=5).close()
    except OSError as error:
        raise ConnectionFailed(
            f"{_where(given)} cannot be reached: {error.strerror or error}; is the server running?"
        ) from None


def _where(given: Mapping[str, Any]) -> str:
    host = f" at {given['host']}:{given.get('port', 443)}" if "host" in given else ""
    return f"account {given['account']}{host}"


def _text(error: Exception) -> str:
    """Returns an error of the connector in one line."""
    return " ".join(str(getattr(error, "msg", None) or error).split())
