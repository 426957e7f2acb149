"""The roles and their hierarchy; they can do nothing until grants give them something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.contracts import ACCESS_LEVELS, AccessContract
from logistics.settings import PlatformSettings

_HOLDS_ALL = frozenset({"ACCOUNTADMIN", "SYSADMIN"})
"""Roles that hold every role of the platform already, through SYSADMIN."""


@dataclass(frozen=True, kw_only=True)
class RolesConfig:
    """The stack's settings, the roles as sql/access.yaml has them, and the role that deploys."""

    settings: PlatformSettings
    access: AccessContract
    deployer: str = "ACCOUNTADMIN"


@dataclass(frozen=True, kw_only=True)
class RolesResources:
    """Functional and access roles by lower-case name, and the grants that make the hierarchy as `role to parent`."""

    roles: dict[str, snowflake.AccountRole]
    hierarchy: dict[str, snowflake.GrantAccountRole]


class Roles(pulumi.ComponentResource):
    """The access roles of the schemas, each level under the next, and the functional roles that are granted them."""

    def __init__(self, name: str, config: RolesConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Roles", name, None, opts)
        self._config = config
        functional = {
            role: self._create_role(role, config.settings.named(role), contract.comment)
            for role, contract in config.access.roles.items()
        }
        access = {
            role: self._create_role(role, config.settings.named(f"logistics_{role}"), f"{level.capitalize()} {schema}")
            for role, (schema, level) in config.access.access_roles.items()
        }
        self._roles = {**functional, **access}
        hierarchy = {f"{role}_to_{parent}": self._grant(role, parent) for role, parent in self._memberships()}
        self.resources = RolesResources(roles=self._roles, hierarchy=hierarchy)
        self.register_outputs({"roles": {role: resource.name for role, resource in functional.items()}})

    def _memberships(self) -> Iterator[tuple[str, str]]:
        """Yields each role with a role that holds it: read in write in own, the highest level needed in functional roles."""
        access = self._config.access
        for role, (schema, level) in access.access_roles.items():
            above = next((f"{schema}_{higher}" for higher in ACCESS_LEVELS[ACCESS_LEVELS.index(level) + 1 :]), None)
            if above in access.access_roles:
                yield role, str(above)
        for role, contract in access.roles.items():
            for schema, level in contract.access.items():
                yield f"{schema}_{level}", role
            for parent in contract.granted_to:
                yield role, parent
            # What a role of the platform owns, such as a task or the dashboard, only that role can change.
            if self._config.deployer.upper() not in _HOLDS_ALL:
                yield role, self._config.deployer.lower()

    def _create_role(self, role: str, name: str, comment: str) -> snowflake.AccountRole:
        return snowflake.AccountRole(role, name=name, comment=comment, opts=pulumi.ResourceOptions(parent=self))

    def _grant(self, role: str, parent: str) -> snowflake.GrantAccountRole:
        return snowflake.GrantAccountRole(
            f"{role}_to_{parent}",
            role_name=self._roles[role].name,
            parent_role_name=self._roles[parent].name if parent in self._roles else parent.upper(),
            opts=pulumi.ResourceOptions(parent=self),
        )
