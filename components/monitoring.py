"""The views: what runs, what it costs, and the summaries over protected tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.governance.grants import Grants, Protected
from logistics.declarations import local_name
from logistics.settings import PlatformSettings
from logistics.sql import ViewFile


@dataclass(frozen=True, kw_only=True)
class ViewsConfig:
    """The views' files, the tables beneath with their protections, and the roles that read."""

    settings: PlatformSettings
    views: Mapping[str, ViewFile]
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    tables: Mapping[str, pulumi.Resource]
    protections: Mapping[str, snowflake.Execute]
    roles: Mapping[str, snowflake.AccountRole]


@dataclass(frozen=True, kw_only=True)
class ViewsResources:
    """Views by `schema.name`, and the grant on each to the access role of its schema."""

    views: dict[str, snowflake.View]
    grants: dict[str, snowflake.GrantPrivilegesToAccountRole]


class Views(pulumi.ComponentResource):
    """Every view after what it reads, granted to its readers after the tables beneath are protected."""

    def __init__(self, name: str, config: ViewsConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:monitoring:Views", name, None, opts)
        self._config = config
        self._views: dict[str, snowflake.View] = {}
        for full_name in config.views:
            self._create_view(full_name)
        grants = Grants(self, config.roles)
        granted = {
            full_name: grants.on_object(
                f"{view.schema.lower()}_read", ["SELECT"], view.object_name.lower(), self._protected(full_name)
            )
            for full_name, view in config.views.items()
            if view.readers
        }
        self.resources = ViewsResources(views=self._views, grants=granted)
        self.register_outputs({"views": sorted(self._views)})

    def _create_view(self, full_name: str) -> snowflake.View:
        """Creates a view, its own views first."""
        if full_name in self._views:
            return self._views[full_name]
        view = self._config.views[full_name]
        below = [self._config.tables.get(name) or self._create_view(name) for name in self._reads(full_name)]
        self._views[full_name] = snowflake.View(
            view.object_name.lower(),
            name=view.object_name,
            database=self._config.database.name,
            schema=self._config.schemas[view.schema.lower()].name,
            statement=view.body,
            is_secure="true" if view.secure else "false",
            copy_grants=True,  # a changed query replaces the view; its readers stay
            comment=view.comment,
            opts=pulumi.ResourceOptions(parent=self, depends_on=below),
        )
        return self._views[full_name]

    def _reads(self, full_name: str) -> list[str]:
        """Returns what a view reads in this database, sorted."""
        names = (local_name(name, self._config.settings.database) for name in self._config.views[full_name].reads)
        return sorted(name for name in names if name in self._config.tables or name in self._config.views)

    def _protected(self, full_name: str) -> Protected:
        below = sorted(self._tables_below(full_name))
        protections = [self._config.protections[table] for table in below if table in self._config.protections]
        return Protected(kind="VIEW", name=self._views[full_name].fully_qualified_name, protections=protections)

    def _tables_below(self, full_name: str) -> set[str]:
        """Returns the tables that a view reads, also through other views."""
        tables: set[str] = set()
        for name in self._reads(full_name):
            tables |= {name} if name in self._config.tables else self._tables_below(name)
        return tables
