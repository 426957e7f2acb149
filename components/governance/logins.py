"""From where and how the platform's users may log in: network, authentication and password policies."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.settings import PlatformSettings

_KEPT_PASSWORDS = 5
_LOCKOUT_MINUTES = 15
_MAX_RETRIES = 5


@dataclass(frozen=True, kw_only=True)
class LoginsConfig:
    """The stack's settings, and where the policies lie."""

    settings: PlatformSettings
    database: snowflake.Database
    schema: snowflake.Schema


@dataclass(frozen=True, kw_only=True)
class LoginsResources:
    """The policies; None where the stack file sets no bounds."""

    network: snowflake.NetworkPolicy | None
    authentication: snowflake.AuthenticationPolicy | None
    password: snowflake.PasswordPolicy


class Logins(pulumi.ComponentResource):
    """The policies for the users of the stack file.

    They are bound to those users and not to the account: another stack may share it, and a wrong network would lock out the
    deploying user, who alone could mend it.
    """

    def __init__(self, name: str, config: LoginsConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Logins", name, None, opts)
        self._config = config
        settings = config.settings
        self.resources = LoginsResources(
            network=self._create_network() if settings.allowed_networks else None,
            authentication=self._create_authentication() if settings.authentication_methods else None,
            password=self._create_password(),
        )
        self.register_outputs({})

    def _create_network(self) -> snowflake.NetworkPolicy:
        return snowflake.NetworkPolicy(
            "platform_networks",
            name=self._config.settings.named("logistics_networks"),
            allowed_ip_lists=list(self._config.settings.allowed_networks),
            comment="From where the platform's users log in",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_authentication(self) -> snowflake.AuthenticationPolicy:
        return snowflake.AuthenticationPolicy(
            "platform_authentication",
            name="PLATFORM_AUTHENTICATION",
            database=self._config.database.name,
            schema=self._config.schema.name,
            authentication_methods=list(self._config.settings.authentication_methods),
            comment="How the platform's users log in",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_password(self) -> snowflake.PasswordPolicy:
        return snowflake.PasswordPolicy(
            "platform_password",
            name="PLATFORM_PASSWORD",
            database=self._config.database.name,
            schema=self._config.schema.name,
            min_length=self._config.settings.password_min_length,
            min_upper_case_chars=1,
            min_lower_case_chars=1,
            min_numeric_chars=1,
            min_special_chars=1,
            max_retries=_MAX_RETRIES,
            lockout_time_mins=_LOCKOUT_MINUTES,
            history=_KEPT_PASSWORDS,
            comment="What a password of the platform's users must be",
            opts=pulumi.ResourceOptions(parent=self),
        )


def bind(user: str, resource: snowflake.User, logins: LoginsResources, parent: pulumi.Resource) -> None:
    """Binds a user to the policies; a policy is taken off before its replacement is put on, as a user has one at most."""
    for kind, policy in (("PASSWORD", logins.password), ("AUTHENTICATION", logins.authentication)):
        if policy is None:
            continue
        name = resource.fully_qualified_name
        snowflake.Execute(
            f"{kind.lower()}_policy_of_{user.lower()}",
            execute=pulumi.Output.format("ALTER USER {0} SET {1} POLICY {2}", name, kind, policy.fully_qualified_name),
            revert=pulumi.Output.format("ALTER USER IF EXISTS {0} UNSET {1} POLICY", name, kind),
            opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
        )
