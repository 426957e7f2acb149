"""The roles and their hierarchy; they can do nothing until grants give them something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.contracts import RoleContract
from logistics.settings import PlatformSettings


@dataclass(frozen=True, kw_only=True)
class RolesConfig:
    """The stack's settings and the roles' contracts."""

    settings: PlatformSettings
    roles: Mapping[str, RoleContract]


@dataclass(frozen=True, kw_only=True)
class RolesResources:
    """Roles by lower-case name, and the grants that make the hierarchy as `role to parent`."""

    roles: dict[str, snowflake.AccountRole]
    hierarchy: dict[str, snowflake.GrantAccountRole]


class Roles(pulumi.ComponentResource):
    """The functional roles, each under its parents."""

    def __init__(self, name: str, config: RolesConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Roles", name, None, opts)
        roles = {
            role: snowflake.AccountRole(
                role,
                name=config.settings.named(role),
                comment=contract.comment,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for role, contract in config.roles.items()
        }
        hierarchy = {
            f"{role}_to_{parent}": snowflake.GrantAccountRole(
                f"{role}_to_{parent}",
                role_name=roles[role].name,
                parent_role_name=roles[parent].name if parent in roles else parent.upper(),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for role, contract in config.roles.items()
            for parent in contract.granted_to
        }
        self.resources = RolesResources(roles=roles, hierarchy=hierarchy)
        self.register_outputs({"roles": {role: resource.name for role, resource in roles.items()}})
