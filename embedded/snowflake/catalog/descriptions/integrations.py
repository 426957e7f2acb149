"""Network policies and rules, integrations, secrets: what ties an account to the outside."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.kinds import Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import ShowClauses, answer, columns, number, prop
from embedded.snowflake.catalog.values import Property, Reader, boolean, identifier, names, options, text, texts, word
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session


def missing(*keys: str) -> SqlCompilationError:
    """The error for properties that CREATE must have (002029)."""
    return SqlCompilationError(f"Missing option(s): [{', '.join(keys)}]", 2029, "42601")


def _values(item: CatalogObject) -> dict[str, Any]:
    return item.body["properties"]


def _count(key: str) -> Any:
    return number(lambda _, item: len(_values(item).get(key) or []))


# -- network policies and rules

_LISTS = ("ALLOWED_IP_LIST", "BLOCKED_IP_LIST")
_RULE_LISTS = ("ALLOWED_NETWORK_RULE_LIST", "BLOCKED_NETWORK_RULE_LIST")


def _settle_network(session: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    for key in keys & set(_LISTS):
        for address in _values(item).get(key) or []:
            _check_address(address)
    for key in keys & set(_RULE_LISTS):
        for written in _values(item).get(key) or []:
            reach(session, "NETWORK RULE", TokenStream(written).name())


def _check_address(address: str) -> None:
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise SqlCompilationError(f"Invalid IP address or range: {address}", 1009, "22023") from None


def _describe_network(session: Session, item: CatalogObject) -> Result:
    rows = [(key, ",".join(_values(item)[key])) for key in _LISTS if _values(item).get(key)]
    for key in _RULE_LISTS:
        found = _values(item).get(key)
        if found:
            rules = [
                {"fullyQualifiedRuleName": str(TokenStream(written).name())} | _qualified(session, written)
                for written in found
            ]
            rows.append((key, orjson.dumps(rules).decode()))
    return listing(("name", "value"), rows)


def _qualified(session: Session, written: str) -> dict[str, str]:
    from embedded.snowflake.catalog.resolve import find, full_name

    rule = find(session, "NETWORK RULE", TokenStream(written).name())
    return {"fullyQualifiedRuleName": full_name(session.account.catalog, rule)} if rule else {}


def _refuse_network_used(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    catalog = session.account.catalog
    used = [
        user.name for user in catalog.all("USER") if user.body.get("parameters", {}).get("NETWORK_POLICY") == item.name
    ]
    if used or changes.catalog.record("account_parameter", "NETWORK_POLICY") == item.name:
        raise SqlCompilationError(
            f"Cannot perform Drop operation on network policy {item.name}. The policy is attached to {used[0] if used else 'ACCOUNT'}.",
            1492,
            "42601",
        )


register(
    Kind(
        "NETWORK POLICY",
        "NETWORK POLICIES",
        properties={
            **{key: Property(names) for key in _RULE_LISTS},
            **{key: Property(texts) for key in _LISTS},
        },
        create_privilege="CREATE NETWORK POLICY",
        privileges=("USAGE",),
        show=columns(
            "created_on name comment entries_in_allowed_ip_list entries_in_blocked_ip_list entries_in_allowed_network_rules"
            " entries_in_blocked_network_rules",
            entries_in_allowed_ip_list=_count("ALLOWED_IP_LIST"),
            entries_in_blocked_ip_list=_count("BLOCKED_IP_LIST"),
            entries_in_allowed_network_rules=_count("ALLOWED_NETWORK_RULE_LIST"),
            entries_in_blocked_network_rules=_count("BLOCKED_NETWORK_RULE_LIST"),
        ),
        describe=_describe_network,
        settle=_settle_network,
        dropping=_refuse_network_used,
    )
)


def _settle_rule(_: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    absent = [key for key in ("TYPE", "MODE") if not _values(item).get(key)]
    if absent:
        raise missing(*absent)
    if _values(item)["TYPE"] in ("IPV4", "IPV6") and "VALUE_LIST" in keys:
        for address in _values(item).get("VALUE_LIST") or []:
            _check_address(address)


_RULE_DESCRIBE = columns(
    "created_on name database_name schema_name owner comment type mode value_list",
    type=prop("TYPE"),
    mode=prop("MODE"),
    value_list=lambda _, item: ",".join(_values(item).get("VALUE_LIST") or []),
)

register(
    Kind(
        "NETWORK RULE",
        "NETWORK RULES",
        properties={
            "TYPE": Property(
                word(
                    "IPV4",
                    "IPV6",
                    "AWSVPCEID",
                    "AZURELINKID",
                    "GCPPSCID",
                    "HOST_PORT",
                    "PRIVATE_HOST_PORT",
                    "COMPUTE_POOL",
                )
            ),
            "MODE": Property(
                word("INGRESS", "INTERNAL_STAGE", "SNOWFLAKE_MANAGED_STORAGE_VOLUME", "EGRESS", "POSTGRES_INGRESS")
            ),
            "VALUE_LIST": Property(texts),
        },
        create_privilege="CREATE NETWORK RULE",
        privileges=("USAGE",),
        show=columns(
            "created_on name database_name schema_name owner comment type mode entries_in_valuelist owner_role_type",
            type=prop("TYPE"),
            mode=prop("MODE"),
            entries_in_valuelist=_count("VALUE_LIST"),
        ),
        describe=lambda session, item: answer(session, _RULE_DESCRIBE, [item], ShowClauses()),
        settle=_settle_rule,
    )
)


# -- integrations

_headers = options()
# For each category: plural, types with the properties each must have, further properties.
_CATEGORIES: tuple[tuple[str, str, dict[str, tuple[str, ...]], dict[str, Reader]], ...] = (
    (
        "NOTIFICATION",
        "NOTIFICATION INTEGRATIONS",
        {"EMAIL": (), "WEBHOOK": ("WEBHOOK_URL",), "QUEUE": ("NOTIFICATION_PROVIDER",)},
        {
            "DIRECTION": word("INBOUND", "OUTBOUND"),
            "NOTIFICATION_PROVIDER": word(),
            "ALLOWED_RECIPIENTS": texts,
            "DEFAULT_RECIPIENTS": texts,
            "DEFAULT_SUBJECT": text,
            "WEBHOOK_URL": text,
            "WEBHOOK_SECRET": text,
            "WEBHOOK_BODY_TEMPLATE": text,
            "WEBHOOK_HEADERS": _headers,
            "AWS_SNS_TOPIC_ARN": text,
            "AWS_SNS_ROLE_ARN": text,
            "GCP_PUBSUB_SUBSCRIPTION_NAME": text,
            "GCP_PUBSUB_TOPIC_NAME": text,
            "AZURE_STORAGE_QUEUE_PRIMARY_URI": text,
            "AZURE_EVENT_GRID_TOPIC_ENDPOINT": text,
            "AZURE_TENANT_ID": text,
        },
    ),
    (
        "STORAGE",
        "STORAGE INTEGRATIONS",
        {"EXTERNAL_STAGE": ("STORAGE_PROVIDER", "STORAGE_ALLOWED_LOCATIONS")},
        {
            "STORAGE_PROVIDER": word("S3", "S3GOV", "S3CHINA", "GCS", "AZURE"),
            "STORAGE_AWS_ROLE_ARN": text,
            "STORAGE_AWS_EXTERNAL_ID": text,
            "STORAGE_AWS_OBJECT_ACL": text,
            "AZURE_TENANT_ID": text,
            "USE_PRIVATELINK_ENDPOINT": boolean,
            "STORAGE_ALLOWED_LOCATIONS": texts,
            "STORAGE_BLOCKED_LOCATIONS": texts,
        },
    ),
    (
        "API",
        "API INTEGRATIONS",
        {},
        {
            "API_PROVIDER": word(),
            "API_AWS_ROLE_ARN": text,
            "API_KEY": text,
            "AZURE_TENANT_ID": text,
            "AZURE_AD_APPLICATION_ID": text,
            "GOOGLE_AUDIENCE": text,
            "API_ALLOWED_PREFIXES": texts,
            "API_BLOCKED_PREFIXES": texts,
            "ALLOWED_AUTHENTICATION_SECRETS": names,
        },
    ),
    (
        "EXTERNAL ACCESS",
        "EXTERNAL ACCESS INTEGRATIONS",
        {},
        {
            "ALLOWED_NETWORK_RULES": names,
            "ALLOWED_API_AUTHENTICATION_INTEGRATIONS": names,
            "ALLOWED_AUTHENTICATION_SECRETS": names,
        },
    ),
)
_INTEGRATION_PROPERTY_TYPES = {list: "List", bool: "Boolean", int: "Integer"}


def _settle_integration(types: dict[str, tuple[str, ...]]) -> Callable[[Any, CatalogObject, frozenset[str]], None]:
    def settle(_: Any, item: CatalogObject, __: frozenset[str]) -> None:
        values = _values(item)
        if types:
            kind = values.get("TYPE")
            if kind not in types:
                raise (
                    missing("TYPE")
                    if kind is None
                    else SqlCompilationError(f"invalid value [{kind}] for parameter 'TYPE'", 1008, "22023")
                )
            absent = [key for key in types[kind] if values.get(key) is None]
            if absent:
                raise missing(*absent)
        if "ENABLED" not in values:
            raise missing("ENABLED")

    return settle


def _integration_type(category: str) -> Callable[[Any, CatalogObject], str]:
    def value(_: Any, item: CatalogObject) -> str:
        found = _values(item)
        if found.get("TYPE") == "QUEUE":
            return f"QUEUE - {found.get('NOTIFICATION_PROVIDER', '')}"
        return found.get("TYPE") or ("EXTERNAL_API" if category == "API" else category.replace(" ", "_"))

    return value


def _describe_integration(_: Any, item: CatalogObject) -> Result:
    rows = []
    for key, value in sorted(_shown(item).items()):
        kind = _INTEGRATION_PROPERTY_TYPES.get(type(value), "String")
        rows.append((key, kind, _printed(value), {"Boolean": "false", "List": "[]"}.get(kind, "")))
    return listing(("property", "property_type", "property_value", "property_default"), rows)


def _shown(item: CatalogObject) -> dict[str, Any]:
    """What DESCRIBE tells of an integration: its properties without secrets, and those that the service adds."""
    values = {key: value for key, value in _values(item).items() if key not in ("TYPE", "API_KEY")}
    if item.kind == "STORAGE INTEGRATION":
        values.setdefault("STORAGE_BLOCKED_LOCATIONS", [])
        provider = values["STORAGE_PROVIDER"]
        if provider.startswith("S3"):
            values.setdefault("STORAGE_AWS_EXTERNAL_ID", f"LOCAL_SFCRole={item.oid}")
            values.setdefault("STORAGE_AWS_OBJECT_ACL", "")
            values["STORAGE_AWS_IAM_USER_ARN"] = "arn:aws:iam::000000000000:user/local"
        values.setdefault("USE_PRIVATELINK_ENDPOINT", False)
        if provider == "GCS":
            values["STORAGE_GCP_SERVICE_ACCOUNT"] = "local@local.iam.gserviceaccount.com"
        if provider == "AZURE":
            values["AZURE_CONSENT_URL"] = (
                f"https://login.microsoftonline.com/{values.get('AZURE_TENANT_ID', '')}/oauth2/authorize"
            )
            values["AZURE_MULTI_TENANT_APP_NAME"] = "local"
    elif _values(item).get("TYPE") == "EMAIL":
        values.setdefault("ALLOWED_RECIPIENTS", [])
    values["COMMENT"] = item.comment
    return values


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


for _category, _plural, _types, _further in _CATEGORIES:
    register(
        Kind(
            f"{_category} INTEGRATION",
            _plural,
            properties={
                "ENABLED": Property(boolean, False),
                "TYPE": Property(word()),
                **{key: Property(reader) for key, reader in _further.items()},
            },
            create_privilege="CREATE INTEGRATION",
            privileges=("USAGE", "USE_ANY_ROLE"),
            show=columns(
                "name type category enabled comment created_on",
                type=_integration_type(_category),
                category=lambda _, item: item.kind.removesuffix(" INTEGRATION").replace(" ", "_"),
                enabled=lambda _, item: str(bool(_values(item).get("ENABLED"))).lower(),
            ),
            describe=_describe_integration,
            settle=_settle_integration(_types),
        )
    )
# `GRANT USAGE ON INTEGRATION` and `SHOW INTEGRATIONS` do not say the category.
register(Kind("INTEGRATION", "INTEGRATIONS", privileges=("USAGE", "USE_ANY_ROLE")))


# -- secrets

_SECRET_TYPES: dict[str, tuple[str, ...]] = {
    "GENERIC_STRING": ("SECRET_STRING",),
    "PASSWORD": ("USERNAME", "PASSWORD"),
    "OAUTH2": ("API_AUTHENTICATION",),
    "CLOUD_PROVIDER_TOKEN": ("API_AUTHENTICATION",),
    "SYMMETRIC_KEY": ("ALGORITHM",),
}


def _settle_secret(_: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    kind = _values(item).get("TYPE")
    if kind is None:
        raise missing("TYPE")
    absent = [key for key in _SECRET_TYPES[kind] if not _values(item).get(key)]
    if absent:
        raise missing(*absent)
    others = {key for required in _SECRET_TYPES.values() for key in required} - set(_SECRET_TYPES[kind])
    wrong = sorted(keys & others)
    if wrong:
        raise SqlCompilationError(f"invalid property '{wrong[0]}' for 'SECRET' of type '{kind}'", 1420, "22023")


def _expiry(_: Session, item: CatalogObject) -> Any:
    from datetime import UTC, datetime

    written = _values(item).get("OAUTH_REFRESH_TOKEN_EXPIRY_TIME")
    if not written:
        return None
    found = datetime.fromisoformat(written)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _scopes(_: Any, item: CatalogObject) -> str | None:
    found = _values(item).get("OAUTH_SCOPES")
    return "[" + ", ".join(found) + "]" if found else None


_SECRET_DESCRIBE = columns(
    "created_on name schema_name database_name owner comment secret_type username oauth_access_token_expiry_time"
    " oauth_refresh_token_expiry_time oauth_scopes integration_name",
    secret_type=prop("TYPE"),
    username=prop("USERNAME", None),
    oauth_access_token_expiry_time=(TIMESTAMP_LTZ, lambda *_: None),
    oauth_refresh_token_expiry_time=(TIMESTAMP_LTZ, _expiry),
    oauth_scopes=_scopes,
    integration_name=prop("API_AUTHENTICATION", None),
)

register(
    Kind(
        "SECRET",
        "SECRETS",
        properties={
            "TYPE": Property(word(*_SECRET_TYPES)),
            "SECRET_STRING": Property(text),
            "USERNAME": Property(text),
            "PASSWORD": Property(text),
            "API_AUTHENTICATION": Property(identifier),
            "OAUTH_SCOPES": Property(texts),
            "OAUTH_REFRESH_TOKEN": Property(text),
            "OAUTH_REFRESH_TOKEN_EXPIRY_TIME": Property(text),
            "ALGORITHM": Property(word("GENERIC")),
        },
        create_privilege="CREATE SECRET",
        privileges=("READ", "USAGE"),
        show=columns(
            "created_on name schema_name database_name owner comment secret_type oauth_scopes owner_role_type",
            secret_type=prop("TYPE"),
            oauth_scopes=_scopes,
        ),
        describe=lambda session, item: answer(session, _SECRET_DESCRIBE, [item], ShowClauses()),
        settle=_settle_secret,
    )
)
