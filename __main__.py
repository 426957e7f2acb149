"""The logistics platform on Snowflake: settings in, components in order, outputs out."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pulumi

from components.compute import Compute, ComputeConfig
from components.dashboard import Dashboard, DashboardConfig
from components.dynamic_tables import DynamicTables, DynamicTablesConfig
from components.governance.access import Access, AccessConfig
from components.governance.logins import Logins, LoginsConfig
from components.governance.masking import Masking, MaskingConfig
from components.governance.roles import Roles, RolesConfig
from components.governance.row_access import RowAccess, RowAccessConfig
from components.inputs import load_inputs
from components.ml import MachineLearning, MachineLearningConfig
from components.models import DataModels, DataModelsConfig
from components.monitoring import Views, ViewsConfig
from components.pipelines import Pipelines, PipelinesConfig
from components.quality import Quality, QualityConfig
from components.storage import Storage, StorageConfig
from components.tables import Tables, TablesConfig

inputs = load_inputs(Path(__file__).parent)
settings, contracts, access, sql = (
    inputs.settings,
    inputs.declarations.tables,
    inputs.declarations.access,
    inputs.declarations.sql,
)
pii_kinds = sorted({column.pii for contract in contracts.values() for column in contract.columns if column.pii})

compute = Compute("compute", ComputeConfig(settings=settings)).resources
storage = Storage("storage", StorageConfig(settings=settings, schemas=access.schemas)).resources
place = {"database": storage.database, "schemas": storage.schemas}
role_tree = Roles("roles", RolesConfig(settings=settings, access=access, deployer=inputs.deployer)).resources
roles = role_tree.roles
masking = Masking(
    "masking",
    MaskingConfig(policies=sql.masking_policies, tag_masks=access.tag_masks, pii_kinds=pii_kinds, **place),
).resources
made = Tables(
    "tables", TablesConfig(settings=settings, contracts=contracts, masking_policies=masking.policies, **place)
).resources
tables = made.tables
DataModels(
    "models",
    DataModelsConfig(settings=settings, models=inputs.declarations.models, tables=tables, created_on=made.created_on),
)
row_access = RowAccess(
    "row_access",
    RowAccessConfig(
        settings=settings,
        policies=sql.row_access_policies,
        contracts=contracts,
        tables=tables,
        created_on=made.created_on,
        pii=masking.pii,
        **place,
    ),
).resources
logins = Logins(
    "logins", LoginsConfig(settings=settings, database=storage.database, schema=storage.schemas["governance"])
).resources
protected = {"tables": tables, "protections": row_access.attachments, "roles": roles}
grants = Access(
    "access",
    AccessConfig(
        settings=settings,
        access=access,
        contracts=contracts,
        compute=compute,
        storage=storage,
        logins=logins,
        **protected,
    ),
).resources.grants
dynamic = DynamicTables(
    "dynamic_tables",
    DynamicTablesConfig(
        settings=settings,
        models=inputs.declarations.models,
        warehouses=compute.warehouses,
        pii=masking.pii,
        masking_policies=masking.policies,
        row_access_policies=row_access.policies,
        needed=[*chain(*grants.values()), *role_tree.hierarchy.values()],
        roles=roles,
        **place,
    ),
).resources
views = Views(
    "views",
    ViewsConfig(
        settings=settings,
        views=sql.views,
        tables={**tables, **dynamic.tables},
        protections={**row_access.attachments, **dynamic.refreshes},
        roles=roles,
        **place,
    ),
).resources
models = MachineLearning(
    "ml",
    MachineLearningConfig(
        settings=settings,
        objects=inputs.declarations.code_objects,
        tables=tables,
        roles=roles,
        **place,
    ),
).resources
pipelines = Pipelines(
    "pipelines",
    PipelinesConfig(
        settings=settings,
        streams=sql.streams,
        tasks=sql.tasks,
        warehouses=compute.warehouses,
        task_owners={schema: role for role, each in access.roles.items() for schema in each.owns_tasks_in},
        needed_by_tasks=[
            *chain(*grants.values()),
            *views.grants.values(),
            *role_tree.hierarchy.values(),
            *models.grants,
        ],
        **place,
        **protected,
    ),
).resources
Quality(
    "quality",
    QualityConfig(
        alert=inputs.declarations.alert,
        tables=tables,
        views=views.views,
        warehouse=compute.warehouses["xs"],
        **place,
    ),
)
Dashboard(
    "dashboard",
    DashboardConfig(
        settings=settings,
        version=inputs.dashboard_version,
        provider=inputs.provider,
        warehouse=compute.warehouses["xs"],
        tables=tables,
        roles=roles,
        needed=[*grants["dashboard"], *role_tree.hierarchy.values()],
        **place,
    ),
)

pulumi.export("environment", settings.environment)
pulumi.export("database", storage.database.name)
pulumi.export("warehouses", {key: warehouse.name for key, warehouse in compute.warehouses.items()})
pulumi.export("roles", {key: roles[key].name for key in access.roles})
pulumi.export("protectedTables", sorted(row_access.attachments))
pulumi.export("tasks", {name: task.fully_qualified_name for name, task in pipelines.tasks.items()})
pulumi.export("views", {name: view.fully_qualified_name for name, view in views.views.items()})
