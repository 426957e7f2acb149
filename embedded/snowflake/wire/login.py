"""Login: who may come in, and the session that they get."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.account import Account
from embedded.snowflake.accounts import Accounts
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import PARAMETERS, session_setting
from embedded.snowflake.errors import AuthenticationError, SnowflakeError
from embedded.snowflake.names import ObjectName
from embedded.snowflake.security import access_tokens
from embedded.snowflake.security.login_policies import (
    DEFAULT_LOCKOUT_MINUTES,
    DEFAULT_RETRIES,
    check_address,
    check_method,
    check_password,
    password_must_change,
    policy_number,
)
from embedded.snowflake.security.passwords import hash_password, verify_password
from embedded.snowflake.security.privileges import may_use_role
from embedded.snowflake.security.users import (
    default_namespace,
    default_role,
    default_secondary_roles,
    default_warehouse,
    find_login,
    has_password,
    is_disabled,
    locked_until,
)
from embedded.snowflake.session.context import RESULT_FORMATS, use_database, use_schema, use_warehouse
from embedded.snowflake.session.session import Session
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.wire import keypair

if TYPE_CHECKING:
    from embedded.snowflake.wire.registry import Login

_PASSWORD, _KEY_PAIR = ("SNOWFLAKE", "USERNAME_PASSWORD_MFA", ""), ("SNOWFLAKE_JWT",)
_ACCESS_TOKEN = "PROGRAMMATIC_ACCESS_TOKEN"
# A hash that no password has: an unknown user costs as much time as a wrong password.
_NO_HASH = "scrypt$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"
# What login history calls a proof, and what authentication policies call it.
_METHODS = {"RSA_KEYPAIR": "KEYPAIR"}


class Gate:
    """Checks logins, and locks users out for some time after wrong passwords."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._failures: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def enter(self, data: dict[str, Any], query: dict[str, str], address: str) -> Session:
        """Check a login request from an address and open its session.

        Raises:
            AuthenticationError: refused.
        """
        account_name, user_name = str(data.get("ACCOUNT_NAME") or ""), str(data.get("LOGIN_NAME") or "")
        account = self._accounts.find(account_name) or self._first_login(account_name, user_name, data)
        user = find_login(account.catalog, user_name)
        try:
            check_address(account, user, address)
            _check_lock(account, user)
            factor = _authenticate(account, user, data)
            assert user is not None
            _check_user(account, user, data, factor)
            session = _open(account, user, data, query, address)
        except SnowflakeError as error:
            self._count(account, user, error)
            _record(account, user_name, data, address, None, error)
            raise
        self._failures.pop((account.name, user.oid), None)
        _note_success(account, user)
        _record(account, user.name, data, address, session, None, factor)
        return session

    def _first_login(self, account_name: str, user_name: str, data: dict[str, Any]) -> Account:
        """ADMIN's first login makes the account; nobody else's does."""
        password = str(data.get("PASSWORD") or "")
        if user_name.upper() != "ADMIN" or not self._accounts.is_first_password(password):
            raise _incorrect()
        try:
            return self._accounts.create(account_name)
        except ValueError as error:
            raise AuthenticationError(str(error), 390100) from error

    def _count(self, account: Account, user: CatalogObject | None, error: SnowflakeError) -> None:
        """Count a wrong password; as many as the password policy allows lock the user."""
        if error.errno != 390100 or user is None:
            return
        most, minutes = (
            policy_number(account.catalog, user, "PASSWORD POLICY", key, default)
            for key, default in (
                ("PASSWORD_MAX_RETRIES", DEFAULT_RETRIES),
                ("PASSWORD_LOCKOUT_TIME_MINS", DEFAULT_LOCKOUT_MINUTES),
            )
        )
        with self._lock:
            self._failures[account.name, user.oid] += 1
            if self._failures[account.name, user.oid] < most:
                return
            del self._failures[account.name, user.oid]
        _change(account, user, locked_until=(account.clock.now() + timedelta(minutes=minutes)).isoformat())


def _change(account: Account, user: CatalogObject, **values: Any) -> None:
    """Keep something in a user's record."""
    with account.catalog.transaction() as changes:
        new = changes.get(user.oid).changed()
        new.body.update(values)
        changes.put(new)


def _note_success(account: Account, user: CatalogObject) -> None:
    """Keep when the user was last in, to the minute: not every login is a change of the catalog."""
    now = account.clock.now()
    last = user.body.get("last_success_login")
    if last is None or now - datetime.fromisoformat(last) > timedelta(minutes=1):
        _change(account, user, last_success_login=now.isoformat())


def _check_lock(account: Account, user: CatalogObject | None) -> None:
    until = locked_until(user) if user is not None else None
    if until is not None and until > account.clock.now():
        minutes = -(-(until - account.clock.now()) // timedelta(minutes=1))
        raise AuthenticationError(
            "Your user account has been temporarily locked due to too many failed attempts. "
            f"Try again after {minutes} minutes or contact your account administrator for assistance.",
            390102,
        )


def _check_user(account: Account, user: CatalogObject, data: dict[str, Any], factor: str) -> None:
    """What holds once it is known who it is: not disabled, a method and client that are allowed, a password that is not stale."""
    if is_disabled(user, account.clock.now()):
        raise AuthenticationError("User access disabled. Contact your local system administrator.", 390101)
    check_method(account, user, _METHODS.get(factor, factor), str(data.get("CLIENT_APP_ID") or ""))
    if factor != "PASSWORD" or not password_must_change(account, user):
        return
    chosen = data.get("CHOSEN_NEW_PASSWORD")
    if not chosen:
        raise AuthenticationError(
            "Specified password has expired.  Password must be changed using the Snowflake web console.", 390106
        )
    check_password(account, user, str(chosen))
    properties = {**user.body.get("properties", {}), "MUST_CHANGE_PASSWORD": False}
    former = [user.body["password"], *user.body.get("former_passwords", ())]
    set_at = account.clock.now().isoformat()
    hashed = hash_password(str(chosen))
    _change(
        account, user, properties=properties, password=hashed, password_last_set=set_at, former_passwords=former[:24]
    )


def _incorrect() -> AuthenticationError:
    return AuthenticationError("Incorrect username or password was specified.", 390100)


def _authenticate(account: Account, user: CatalogObject | None, data: dict[str, Any]) -> str:
    """Check the proof that the client gives, and say what kind it was."""
    authenticator = str(data.get("AUTHENTICATOR") or "").upper()
    password, token = str(data.get("PASSWORD") or ""), str(data.get("TOKEN") or "")
    if authenticator in _KEY_PAIR:
        keypair.check(account, user, token)
        return "RSA_KEYPAIR"
    if authenticator == _ACCESS_TOKEN or (authenticator in _PASSWORD and access_tokens.looks_like_one(password)):
        access_tokens.check(account, user, token or password)
        return "PROGRAMMATIC_ACCESS_TOKEN"
    if authenticator not in _PASSWORD:
        raise AuthenticationError(
            f"The local Snowflake does not do the authenticator '{authenticator}': use a password, a key pair or a programmatic"
            " access token.",
            390101,
        )
    known = has_password(user, password) if user is not None else verify_password(password, _NO_HASH)
    if not known:
        raise _incorrect()
    return "PASSWORD"


def _open(account: Account, user: CatalogObject, data: dict[str, Any], query: dict[str, str], address: str) -> Session:
    restricted = access_tokens.restricted_role(account, user, str(data.get("TOKEN") or data.get("PASSWORD") or ""))
    session = Session(account, user.oid, restricted or _role(account, user, query.get("roleName")))
    session.client_address = address
    try:
        session.secondary_roles = default_secondary_roles(user) and restricted is None
        session.client_application = " ".join(
            str(data[key]) for key in ("CLIENT_APP_ID", "CLIENT_APP_VERSION") if data.get(key)
        )
        session.parameters.update(_session_parameters(data))
        database, schema = default_namespace(user)
        _use(use_warehouse, session, query.get("warehouse"), default_warehouse(user))
        _use(use_database, session, query.get("databaseName"), database)
        _use(use_schema, session, query.get("schemaName"), schema if not query.get("databaseName") else None)
    except BaseException:
        session.close()
        raise
    return session


def _role(account: Account, user: CatalogObject, written: str | None) -> int:
    name = _canonical(written) if written else default_role(user)
    role = account.catalog.find("ROLE", ACCOUNT, name) if name else None
    if role is not None:
        probe = Session(account, user.oid, role.oid)
        allowed = may_use_role(probe, role.oid)
        probe.close()
        if allowed:
            return role.oid
    if written:
        raise AuthenticationError(
            f"Role '{name}' specified in the connect string does not exist or not authorized. Contact your local system"
            " administrator, or attempt to login with another role, e.g. PUBLIC.",
            390189,
        )
    public = account.catalog.find("ROLE", ACCOUNT, "PUBLIC")
    assert public is not None
    return public.oid


def _canonical(written: str) -> str:
    return TokenStream(written).identifier()


def _use(change: Any, session: Session, written: str | None, default: str | None) -> None:
    """Take what the client asks for or the user's default; what is not there leaves the session without, as Snowflake does."""
    try:
        name = TokenStream(written).name() if written else ObjectName(None, None, default) if default else None
        if name is not None:
            change(session, name)
    except SnowflakeError:
        return


def _session_parameters(data: dict[str, Any]) -> dict[str, str]:
    """The session parameters that the client starts with; those that the server does not know are the client's own."""
    found = {}
    for key, value in (data.get("SESSION_PARAMETERS") or {}).items():
        parameter = PARAMETERS.get(str(key).upper())
        if parameter is not None and value is not None:
            found[parameter.key] = parameter.check(str(value))
        elif str(key).upper() in RESULT_FORMATS:
            found[str(key).upper()] = str(value).upper()
    return found


def _record(
    account: Account,
    user_name: str,
    data: dict[str, Any],
    address: str,
    session: Session | None,
    error: SnowflakeError | None,
    factor: str | None = None,
) -> None:
    now = account.clock.now()
    event_id = int(now.timestamp() * 1_000_000)
    account.history.add(
        "login_history",
        {
            "event_id": event_id,
            "event_timestamp": now,
            "event_type": "LOGIN",
            "user_name": user_name.upper(),
            "client_ip": address,
            "reported_client_type": data.get("CLIENT_APP_ID"),
            "reported_client_version": data.get("CLIENT_APP_VERSION"),
            "first_authentication_factor": factor,
            "is_success": "NO" if error else "YES",
            "error_code": error.errno if error else None,
            "error_message": error.message if error else None,
        },
    )
    if session is not None:
        account.history.add(
            "sessions",
            {
                "session_id": session.id,
                "created_on": now,
                "user_name": user_name,
                "authentication_method": factor,
                "login_event_id": event_id,
                "client_application_id": data.get("CLIENT_APP_ID"),
                "client_application_version": data.get("CLIENT_APP_VERSION"),
            },
        )


# Parameters that every client reads at login, beside those that it set.
_TOLD = (
    "AUTOCOMMIT",
    "BINARY_OUTPUT_FORMAT",
    "CLIENT_PREFETCH_THREADS",
    "CLIENT_RESULT_CHUNK_SIZE",
    "CLIENT_SESSION_KEEP_ALIVE",
    "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY",
    "DATE_OUTPUT_FORMAT",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT",
    "TIMESTAMP_OUTPUT_FORMAT",
    "TIMESTAMP_TYPE_MAPPING",
    "TIMESTAMP_TZ_OUTPUT_FORMAT",
    "TIMEZONE",
    "TIME_OUTPUT_FORMAT",
)


# What is the same for every session. From so many array binds on, clients load them through a stage.
_FIXED = {"CLIENT_TELEMETRY_ENABLED": False, "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 65_280}


def told_parameters(session: Session) -> list[dict[str, Any]]:
    """The session's parameters as answers carry them: booleans and numbers as such."""
    known = [key for key in _TOLD if key in PARAMETERS]
    told = [{"name": key, "value": _typed(key, session_setting(session, key).value)} for key in known]
    return [*told, *({"name": key, "value": value} for key, value in _FIXED.items())]


def _typed(key: str, value: str) -> Any:
    kind = PARAMETERS[key].type
    if kind == "BOOLEAN":
        return value == "true"
    return int(value) if kind == "NUMBER" and value.isdigit() else value


def login_data(login: Login) -> dict[str, Any]:
    """What a successful login answers."""
    from embedded.snowflake.wire.registry import MASTER_SECONDS, SESSION_SECONDS

    session = login.session
    return {
        "masterToken": login.master_token,
        "token": login.token,
        "validityInSeconds": SESSION_SECONDS,
        "masterValidityInSeconds": MASTER_SECONDS,
        "displayUserName": session.user_name,
        "serverVersion": "10.0.0 local",
        "firstLogin": False,
        "remMeToken": None,
        "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45,
        "newClientForUpgrade": None,
        "sessionId": session.id,
        "parameters": told_parameters(session),
        "sessionInfo": {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role_name,
        },
        "idToken": None,
        "idTokenValidityInSeconds": 0,
        "responseData": None,
        "mfaToken": None,
        "mfaTokenValidityInSeconds": 0,
    }
