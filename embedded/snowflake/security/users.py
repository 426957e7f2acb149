"""Users as a login sees them."""

from __future__ import annotations

from datetime import UTC, datetime

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.store import Catalog
from embedded.snowflake.security.passwords import verify_password


def find_login(catalog: Catalog, login_name: str) -> CatalogObject | None:
    """The user who logs in by this name; upper and lower case are the same in login names."""
    wanted = login_name.upper()
    return next((user for user in catalog.all("USER") if login_of(user).upper() == wanted), None)


def login_of(user: CatalogObject) -> str:
    """The name that a user logs in by: LOGIN_NAME, or the user's own name."""
    return user.body.get("properties", {}).get("LOGIN_NAME") or user.name


def is_disabled(user: CatalogObject, now: datetime | None = None) -> bool:
    """Whether an administrator has disabled the user, or the user has expired (DAYS_TO_EXPIRY) by a time, or by now."""
    expires = user.body.get("expires_at")
    expired = expires is not None and datetime.fromisoformat(expires) <= (now or datetime.now(UTC))
    return bool(user.body.get("properties", {}).get("DISABLED")) or expired


def locked_until(user: CatalogObject) -> datetime | None:
    """Until when the user cannot log in: after wrong passwords, or as MINS_TO_UNLOCK says."""
    found = user.body.get("locked_until")
    return datetime.fromisoformat(found) if found else None


def has_password(user: CatalogObject, password: str) -> bool:
    """Whether this is the user's password."""
    return verify_password(password, user.body.get("password"))


def public_keys(user: CatalogObject) -> list[str]:
    """The texts of the user's public keys: none, one or two (while a key is being changed)."""
    properties = user.body.get("properties", {})
    return [properties[name] for name in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2") if properties.get(name)]


def default_role(user: CatalogObject) -> str | None:
    """The canonical name of the role that a login starts with; None for PUBLIC."""
    return user.body.get("properties", {}).get("DEFAULT_ROLE")


def default_warehouse(user: CatalogObject) -> str | None:
    """The canonical name of the warehouse that a login starts with."""
    return user.body.get("properties", {}).get("DEFAULT_WAREHOUSE")


def default_namespace(user: CatalogObject) -> tuple[str | None, str | None]:
    """The canonical names of the database and schema that a login starts with."""
    from embedded.snowflake.tokens import TokenStream

    written = user.body.get("properties", {}).get("DEFAULT_NAMESPACE")
    if not written:
        return None, None
    name = TokenStream(written).name()
    return (name.schema, name.name) if name.schema else (name.name, None)


def default_secondary_roles(user: CatalogObject) -> bool:
    """Whether a login starts with all of the user's roles as secondary roles (the default) or none."""
    chosen = user.body.get("properties", {}).get("DEFAULT_SECONDARY_ROLES")
    return chosen is None or [str(name).upper() for name in chosen] == ["ALL"]
