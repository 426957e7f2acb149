"""Turn the provider's configuration into arguments of the Snowflake connector."""

import os
from collections.abc import Mapping
from typing import Any

from embedded.provider.errors import ConfigurationError

# Environment variables behind each key; the first that is set counts. Keys not named here use SNOWFLAKE_<KEY>.
_ENVIRONMENT = {
    "user": ("SNOWFLAKE_USER", "SNOWFLAKE_USERNAME"),
    "preview_features_enabled": (),
    "experimental_features_enabled": (),
    "params": (),
    "token_accessor": (),
}
# Plain arguments of the connector, by configuration key.
_ARGUMENTS = {
    "host": "host",
    "port": "port",
    "protocol": "protocol",
    "user": "user",
    "password": "password",
    "role": "role",
    "warehouse": "warehouse",
    "token": "token",
    "passcode": "passcode",
    "passcode_in_password": "passcode_in_password",
    "login_timeout": "login_timeout",
    "request_timeout": "network_timeout",
    "insecure_mode": "insecure_mode",
    "oauth_client_id": "oauth_client_id",
    "oauth_client_secret": "oauth_client_secret",
    "oauth_authorization_url": "oauth_authorization_url",
    "oauth_token_request_url": "oauth_token_request_url",
    "oauth_redirect_uri": "oauth_redirect_uri",
    "oauth_scope": "oauth_scope",
    "workload_identity_provider": "workload_identity_provider",
    "workload_identity_entra_resource": "workload_identity_entra_resource",
    "proxy_host": "proxy_host",
    "proxy_port": "proxy_port",
    "proxy_user": "proxy_user",
    "proxy_password": "proxy_password",
    "client_request_mfa_token": "client_request_mfa_token",
    "client_store_temporary_credential": "client_store_temporary_credential",
    "keep_session_alive": "client_session_keep_alive",
}
# Settings of the official plugin's own driver without a counterpart in this one, or without an effect here.
IGNORED = frozenset(
    {
        "client_ip",
        "client_timeout",
        "disable_query_context_cache",
        "disable_telemetry",
        "driver_tracing",
        "external_browser_timeout",
        "include_retry_reason",
        "jwt_client_timeout",
        "jwt_expire_timeout",
        "log_query_parameters",
        "log_query_text",
        "max_retry_count",
        "skip_toml_file_permission_verification",
        "tmp_directory_path",
        "use_legacy_toml_file",
        "validate_default_parameters",
    }
)
_TRUE = {"true", "1", "yes", "on"}


def with_environment(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the SNOWFLAKE_* variables filled in where a key is not set."""
    keys = [*_ARGUMENTS, "account_name", "organization_name", "authenticator", "okta_url", "private_key"]
    filled = {key: value for key, value in config.items() if value not in (None, "")}
    for key in [*keys, "private_key_passphrase", "ocsp_fail_open"]:
        if key not in filled:
            variables = _ENVIRONMENT.get(key, (f"SNOWFLAKE_{key.upper()}",))
            value = next((os.environ[name] for name in variables if os.environ.get(name)), None)
            if value is not None:
                filled[key] = value
    return filled


def arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the connector's keyword arguments.

    Raises:
        ConfigurationError: no account or user, or a key that cannot be read.
    """
    given = {name: config[key] for key, name in _ARGUMENTS.items() if key in config}
    for name in ("port", "login_timeout", "network_timeout", "proxy_port"):
        if name in given:
            given[name] = _number(name, given[name])
    for name in ("insecure_mode", "passcode_in_password", "client_session_keep_alive"):
        if name in given:
            given[name] = str(given[name]).lower() in _TRUE
    given["account"] = _account(config)
    # False: log out at the end. The connector warns when it is left to choose.
    given["enable_server_session_keep_alive_auto_detection"] = False
    given["session_parameters"] = dict(config.get("params") or {})
    _authenticate(config, given)
    if str(config.get("ocsp_fail_open", "")).lower() == "false":
        given["ocsp_fail_open"] = False
    return given


def _account(config: Mapping[str, Any]) -> str:
    organization, account = config.get("organization_name"), config.get("account_name")
    if not organization or not account:
        missing = "organizationName" if not organization else "accountName"
        raise ConfigurationError(
            f"snowflake:{missing} is not set: set it in the stack's configuration, or set "
            f"{'SNOWFLAKE_ORGANIZATION_NAME' if not organization else 'SNOWFLAKE_ACCOUNT_NAME'}"
        )
    return f"{organization}-{account}"


def _authenticate(config: Mapping[str, Any], given: dict[str, Any]) -> None:
    authenticator = str(config.get("authenticator") or "").upper()
    if authenticator == "OKTA":
        given["authenticator"] = config.get("okta_url")
    elif authenticator and authenticator != "SNOWFLAKE":
        given["authenticator"] = authenticator
    if config.get("private_key"):
        given["private_key"] = _private_key(config)
        given.setdefault("authenticator", "SNOWFLAKE_JWT")
    needs_user = authenticator in ("", "SNOWFLAKE", "SNOWFLAKE_JWT", "USERNAMEPASSWORDMFA")
    if needs_user and not config.get("user"):
        raise ConfigurationError(
            "snowflake:user is not set: set it in the stack's configuration, or set SNOWFLAKE_USER"
        )


def _private_key(config: Mapping[str, Any]) -> bytes:
    from cryptography.hazmat.primitives import serialization

    text = str(config["private_key"]).replace("\\n", "\n").encode()
    passphrase = str(config.get("private_key_passphrase") or "").encode() or None
    try:
        key = serialization.load_pem_private_key(text, passphrase)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "snowflake:privateKey cannot be read: is it PEM (PKCS#8), and the passphrase right?"
        ) from error
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise ConfigurationError(f"snowflake:{name} is not a number: {value}") from error
