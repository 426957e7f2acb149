"""Streams on the changing tables and the task that consumes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.governance.access import ENGINEER
from components.governance.grants import Grants, Protected
from logistics.settings import PlatformSettings
from logistics.sql import StreamFile, TaskFile

_SEGMENTS = "marts.update_customer_segments"
"""The task whose schedule is configuration."""


@dataclass(frozen=True, kw_only=True)
class PipelinesConfig:
    """The streams' and tasks' files, the tables beneath with their protections, and the grants that a run needs.

    Attributes:
        task_owners: the role that tasks run as, by schema, where it is not the engineer.
        needed_by_tasks: the grants by which tasks run, and the role hierarchy, by which the deploying role
            manages a task that the engineer owns.
    """

    settings: PlatformSettings
    streams: Mapping[str, StreamFile]
    tasks: Mapping[str, TaskFile]
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    tables: Mapping[str, snowflake.Table]
    protections: Mapping[str, snowflake.Execute]
    warehouses: Mapping[str, snowflake.Warehouse]
    roles: Mapping[str, snowflake.AccountRole]
    task_owners: Mapping[str, str]
    needed_by_tasks: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class PipelinesResources:
    """Streams and tasks by `schema.name`, the writers' grants on the streams, and the tasks' ownership by schema."""

    streams: dict[str, snowflake.StreamOnTable]
    stream_grants: dict[str, snowflake.GrantPrivilegesToAccountRole]
    ownership: dict[str, snowflake.GrantOwnership]
    tasks: dict[str, snowflake.Task]


class Pipelines(pulumi.ComponentResource):
    """`customer_stream`, `shipment_stream`, `vehicle_stream` and `update_customer_segments`."""

    def __init__(self, name: str, config: PipelinesConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:pipelines:Pipelines", name, None, opts)
        self._config = config
        grants = Grants(self, config.roles)
        streams = {full_name: self._create_stream(stream) for full_name, stream in config.streams.items()}
        stream_grants = {
            full_name: grants.on_object(
                f"{stream.schema.lower()}_write",
                ["SELECT"],
                stream.object_name.lower(),
                self._protected(stream, streams[full_name]),
            )
            for full_name, stream in config.streams.items()
        }
        ownership = {
            schema: self._own_future_tasks(schema)
            for schema in sorted({task.schema.lower() for task in config.tasks.values()})
        }
        before = [*config.needed_by_tasks, *stream_grants.values(), *ownership.values()]
        tasks = {full_name: self._create_task(task, before) for full_name, task in config.tasks.items()}
        self.resources = PipelinesResources(
            streams=streams, stream_grants=stream_grants, ownership=ownership, tasks=tasks
        )
        self.register_outputs({"streams": sorted(streams), "tasks": sorted(tasks)})

    def _create_stream(self, stream: StreamFile) -> snowflake.StreamOnTable:
        return snowflake.StreamOnTable(
            stream.object_name.lower(),
            name=stream.object_name,
            database=self._config.database.name,
            schema=self._config.schemas[stream.schema.lower()].name,
            table=self._config.tables[stream.table].fully_qualified_name,
            show_initial_rows="true" if stream.show_initial_rows else None,
            copy_grants=True,  # a changed definition replaces the stream; its reader stays
            comment=stream.comment,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _protected(self, stream: StreamFile, resource: snowflake.StreamOnTable) -> Protected:
        """A stream shows its table's rows, so it is granted after the table is protected."""
        protection = self._config.protections.get(stream.table)
        return Protected(
            kind="STREAM", name=resource.fully_qualified_name, protections=[protection] if protection else []
        )

    def _own_future_tasks(self, schema: str) -> snowflake.GrantOwnership:
        """Makes DATA_ENGINEER, or the role that sql/access.yaml names, the owner of a task from its birth.

        A task runs as its owner, and the row access policies show rows to DATA_ENGINEER alone: a task that ran once as
        the deploying role would consume the stream and see nothing.
        """
        owner = self._config.task_owners.get(schema, ENGINEER)
        return snowflake.GrantOwnership(
            f"{schema}_tasks_to_{owner}",
            account_role_name=self._config.roles[owner].name,
            on={
                "future": {
                    "object_type_plural": "TASKS",
                    "in_schema": self._config.schemas[schema].fully_qualified_name,
                }
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_task(self, task: TaskFile, before: Sequence[pulumi.Resource]) -> snowflake.Task:
        """Creates a task, triggered by its stream unless its file or the stack's settings give it a schedule."""
        return snowflake.Task(
            task.object_name.lower(),
            name=task.object_name,
            database=self._config.database.name,
            schema=self._config.schemas[task.schema.lower()].name,
            warehouse=self._warehouse(task).name,
            when=task.when or None,
            schedule=self._schedule(task),
            query_tag=task.query_tag or None,
            sql_statement=task.body,
            started=True,
            user_task_timeout_ms=self._config.settings.task_timeout_seconds * 1000,
            error_integration=self._config.settings.task_error_integration or None,
            comment=task.comment,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(before)),
        )

    def _schedule(self, task: TaskFile) -> snowflake.TaskScheduleArgsDict | None:
        settings = self._config.settings
        if task.name == _SEGMENTS and settings.segments_trigger == "cron":
            return {"using_cron": settings.segments_cron}
        if not task.schedule:
            return None
        number, _, unit = task.schedule.partition(" ")
        if number.upper() == "USING":
            return {"using_cron": unit[len("CRON ") :]}
        intervals: dict[str, snowflake.TaskScheduleArgsDict] = {
            "second": {"seconds": int(number)},
            "minute": {"minutes": int(number)},
            "hour": {"hours": int(number)},
        }
        return intervals[unit.lower().rstrip("s")]

    def _warehouse(self, task: TaskFile) -> snowflake.Warehouse:
        """Returns the warehouse that the task's file names without the stack's suffix."""
        return self._config.warehouses[task.warehouse.removeprefix("COMPUTE_WH_").lower()]
