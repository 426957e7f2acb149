"""How privileges are granted: by object, and never before the object is protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake


@dataclass(frozen=True, kw_only=True)
class Protected:
    """An object to grant on, and the attachments that protect what it shows.

    Attributes:
        kind: Snowflake's word for it, such as TABLE.
        name: its fully qualified name.
        protections: what has to be in place before any role may read it.
    """

    kind: str
    name: pulumi.Output[str]
    protections: Sequence[pulumi.CustomResource] = ()

    @property
    def granted_name(self) -> pulumi.Output[str]:
        """The name, known only once every protection is.

        Each protection's id is an input of the name, not only an order between resources: when a protection is replaced,
        Pulumi takes the grants away first and gives them back after, so nobody reads the object in between.
        """
        return pulumi.Output.all(self.name, *[protection.id for protection in self.protections]).apply(
            lambda values: values[0]
        )


class Grants:
    """Makes the grants of one component; their names in Pulumi say role, privileges and object."""

    def __init__(self, parent: pulumi.ComponentResource, roles: Mapping[str, snowflake.AccountRole]) -> None:
        self._options = pulumi.ResourceOptions(parent=parent)
        self._roles = roles

    def on_object(
        self, role: str, privileges: Sequence[str], label: str, target: Protected
    ) -> snowflake.GrantPrivilegesToAccountRole:
        """Grants privileges on a table, view, stream or stage."""
        return snowflake.GrantPrivilegesToAccountRole(
            f"{role}_on_{label}",
            account_role_name=self._roles[role].name,
            privileges=sorted(privileges),
            on_schema_object={"object_type": target.kind, "object_name": target.granted_name},
            opts=self._options,
        )

    def on_schema(
        self, role: str, schema: snowflake.Schema, label: str, privileges: Sequence[str]
    ) -> snowflake.GrantPrivilegesToAccountRole:
        """Grants privileges on a schema."""
        return snowflake.GrantPrivilegesToAccountRole(
            f"{role}_in_{label}",
            account_role_name=self._roles[role].name,
            privileges=sorted(privileges),
            on_schema={"schema_name": schema.fully_qualified_name},
            opts=self._options,
        )

    def on_account_object(
        self, role: str, kind: str, name: pulumi.Input[str], label: str, privileges: Sequence[str]
    ) -> snowflake.GrantPrivilegesToAccountRole:
        """Grants privileges on a database or warehouse."""
        return snowflake.GrantPrivilegesToAccountRole(
            f"{role}_uses_{label}",
            account_role_name=self._roles[role].name,
            privileges=sorted(privileges),
            on_account_object={"object_type": kind, "object_name": name},
            opts=self._options,
        )

    def on_account(self, role: str, privileges: Sequence[str]) -> snowflake.GrantPrivilegesToAccountRole:
        """Grants privileges on the account itself."""
        return snowflake.GrantPrivilegesToAccountRole(
            f"{role}_on_account",
            account_role_name=self._roles[role].name,
            privileges=sorted(privileges),
            on_account=True,
            opts=self._options,
        )
