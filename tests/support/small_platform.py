"""A small project of the platform's own parts, for tests of the commands that deploy and go back: seconds instead of half a minute.

Its program makes the warehouses, the database, roles, grants, row access policies, tables, streams and views of a sql/ folder that
holds little; the `logistics` command, the engine, the provider and the local Snowflake are those of the project.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from local_server import PROJECT, log_in

PROGRAM = """\
from itertools import chain
from pathlib import Path

import pulumi
import pulumi_snowflake as snowflake

from components.compute import Compute, ComputeConfig
from components.governance.access import Access, AccessConfig
from components.governance.masking import Masking, MaskingConfig
from components.governance.roles import Roles, RolesConfig
from components.governance.row_access import RowAccess, RowAccessConfig
from components.inputs import load_inputs
from components.monitoring import Views, ViewsConfig
from components.pipelines import Pipelines, PipelinesConfig
from components.storage import Storage, StorageConfig
from components.tables import Tables, TablesConfig

inputs = load_inputs(Path(__file__).parent)
settings, declared = inputs.settings, inputs.declarations
contracts, access, sql = declared.tables, declared.access, declared.sql
compute = Compute("compute", ComputeConfig(settings=settings)).resources
storage = Storage("storage", StorageConfig(settings=settings, schemas=access.schemas)).resources
place = {"database": storage.database, "schemas": storage.schemas}
roles = Roles("roles", RolesConfig(settings=settings, access=access)).resources.roles
masking = Masking("masking", MaskingConfig(policies=sql.masking_policies, tag_masks=[], pii_kinds=["email"], **place)).resources
made = Tables(
    "tables", TablesConfig(settings=settings, contracts=contracts, masking_policies=masking.policies, **place)
).resources
row_access = RowAccess(
    "row_access",
    RowAccessConfig(
        settings=settings,
        policies=sql.row_access_policies,
        contracts=contracts,
        tables=made.tables,
        created_on=made.created_on,
        pii=masking.pii,
        **place,
    ),
).resources
protected = {"tables": made.tables, "protections": row_access.attachments, "roles": roles}
grants = Access(
    "access",
    AccessConfig(
        settings=settings, access=access, contracts=contracts, compute=compute, storage=storage, logins=None, **protected
    ),
).resources.grants
Views("views", ViewsConfig(settings=settings, views=sql.views, **place, **protected))
Pipelines(
    "pipelines",
    PipelinesConfig(
        settings=settings,
        streams=sql.streams,
        tasks={},
        warehouses=compute.warehouses,
        task_owners={},
        needed_by_tasks=list(chain(*grants.values())),
        **place,
        **protected,
    ),
)
snowflake.StageInternal(
    "dashboard_files", name="DASHBOARD_FILES", database=storage.database.name, schema=storage.schemas["monitoring"].name
)
"""
ACCESS = """\
schemas:
  raw: Rows as the sources send them
  marts: Facts
  governance: Policies and access lists
  monitoring: What runs
roles:
  data_engineer:
    comment: Builds and runs it
    granted_to: [sysadmin]
    access: {raw: write, marts: write, governance: write}
    warehouses: [environment]
  data_analyst:
    comment: Reports
    granted_to: [sysadmin]
    access: {marts: read}
    warehouses: [environment]
  dashboard:
    comment: Owns the dashboard
    granted_to: [sysadmin]
"""
DEPOT = """\
table: tbl_depot
schema: marts
comment: Where vehicles stand at night
primary_key: [depot_id]
columns:
  - {name: depot_id, type: varchar(10), nullable: false}
  - {name: city, type: varchar(40)}
"""
VISIT = """\
table: tbl_visit
schema: marts
comment: Which customer came to which depot
primary_key: [visit_id]
row_access_policy: customer_data_policy
readers: [data_analyst]
columns:
  - {name: visit_id, type: varchar(10), nullable: false}
  - {name: customer_id, type: varchar(20), nullable: false}
"""
SQL_TEST = """\
-- severity: critical
-- comment: Every depot has a city
select depot_id from marts.tbl_depot where city is null
"""
_COPIED = (
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "dashboard/app.py",
    "docs/who_sees_what.yaml",
    "sql/policies/row_access/customer_data_policy.sql",
    "sql/policies/row_access/vehicle_data_policy.sql",
    "sql/tables/governance/user_customer_access.yaml",
    "sql/tables/governance/user_vehicle_access.yaml",
)
_LINKED = (".venv", "embedded", "components", "logistics")

_STOPPED_AT = """
import os, signal, sys
from logistics.cli import main
from logistics.deployment.engine import Engine
from logistics.deployment.runs import Runs

how, fatal = sys.argv.pop(1), sys.argv.pop(1)
enter, update = Runs.phase, Engine.up

def stop():
    if how == "kill":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    print("held", flush=True)
    sys.stdin.readline()

def phase(self, run, name):
    enter(self, run, name)
    if name == fatal:
        stop()

def up(self, program=None, *, said=None, **options):
    def heard(line):
        if said:
            said(line)
        if fatal in line:
            stop()
    update(self, program, said=heard, **options)

Runs.phase, Engine.up = phase, up
main()
"""


class SmallPlatform:
    """A small project with a local Snowflake of its own, worked on by the `logistics` command alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in _COPIED:
            self.write(name, (PROJECT / name).read_text())
        for name in _LINKED:
            (root / name).symlink_to(PROJECT / name)
        self.write("__main__.py", PROGRAM)
        self.write("sql/access.yaml", ACCESS)
        self.write("sql/tables/marts/tbl_depot.yaml", DEPOT)
        self.write("sql/tables/marts/tbl_visit.yaml", VISIT)
        self.write("sql/tests/depot_has_city.sql", SQL_TEST)
        stack = [line for line in (root / "Pulumi.dev.yaml").read_text().splitlines() if "encryptionsalt" not in line]
        self.write(
            "Pulumi.dev.yaml",
            "\n".join(stack[: next(n for n, line in enumerate(stack) if "logistics:users" in line)]) + "\n",
        )
        foreign = ("PULUMI", "SNOWFLAKE", "LOGISTICS")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self.environment |= {"LOGISTICS_ROOT": str(root)}

    def write(self, name: str, text: str) -> None:
        """Write one of the project's files."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in one of the project's files."""
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def start(self) -> SmallPlatform:
        """Start the local Snowflake and deploy the first version."""
        self.logistics("local", "start", "--port", "0")
        self.logistics("deploy", "--yes")
        return self

    def stop(self) -> None:
        """Stop the local Snowflake."""
        self.logistics("local", "stop")

    def logistics(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run a command that ends with `code`; returns what it printed."""
        return self._run([str(Path(sys.prefix) / "bin/logistics"), *arguments], code, variables)

    def shell(self, text: str, code: int = 0) -> str:
        """Run a line of bash that ends with `code`, with the command on its path; returns what it printed."""
        path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return self._run(["bash", "-c", text], code, {"PATH": path})

    def kill_server(self) -> None:
        """End the local Snowflake as a crash would; the next command starts it again, with its data."""
        process = psutil.Process(self._server["pid"])
        process.kill()
        process.wait(60)

    @property
    def _server(self) -> dict[str, Any]:
        """Process and port of the local Snowflake."""
        return json.loads((self.root / ".local" / "snowflake" / "server.json").read_text())

    def killed_at(self, where: str, *arguments: str) -> str:
        """Run a command that SIGKILL ends, engine and all, in the phase `where` or once a line with it was printed."""
        return self._run([sys.executable, "-c", _STOPPED_AT, "kill", where, *arguments], -signal.SIGKILL, {})

    def held_at(self, where: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that waits in the phase `where` for a line on its input; returns when it waits."""
        process = subprocess.Popen(
            [sys.executable, "-c", _STOPPED_AT, "hold", where, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "held\n":
                return process
        raise AssertionError("".join(lines))

    def _run(self, command: list[str], code: int, variables: dict[str, str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def rows(self, *texts: str, role: str = "DATA_ENGINEER") -> list[tuple[Any, ...]]:
        """Run statements in one session; returns the last one's rows."""
        found: list[tuple[Any, ...]] = []
        with log_in(
            self.port, self.admin_password, role=role, database="LOGISTICS", warehouse="COMPUTE_WH_DEV"
        ) as connection:
            for text in texts:
                found = connection.cursor().execute(text).fetchall()
        return found

    @property
    def port(self) -> int:
        """Where commands find the local Snowflake."""
        return self._server["port"]

    @property
    def admin_password(self) -> str:
        """The password of the local Snowflake's user ADMIN."""
        return (self.root / ".local" / "admin-password").read_text().strip()

    @property
    def size(self) -> str:
        """The size of the environment's warehouse."""
        return self.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")[0][3]
