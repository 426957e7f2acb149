"""A project with resources of the test provider, and a policy pack in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = ROOT / "tests" / "conformance" / "engine" / "plugin"
PRELUDE = """\
import pulumi
class Res(pulumi.CustomResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("tst:index:Res", name, {**props, "out": None}, opts)
"""
PACK = """\
import os, sys
from pulumi_policy import *

def tagged(args):
    if args.resource_type == "tst:index:Res" and "tag" not in args.props:
        return {**args.props, "tag": args.get_config().get("tag") or "mended"}

def small(args, report):
    if args.resource_type == "tst:index:Res" and args.props["x"] > args.get_config()["most"]:
        report(f"x is {int(args.props['x'])}")

def plain(args, report):
    if args.resource_type != "tst:index:Res":
        args.not_applicable("not one of ours")
    if args.name == "odd":
        report("an odd name")

def few(args, report):
    found = [r for r in args.resources if r.resource_type == "tst:index:Res"]
    assert all(r.provider is not None and r.parent is not None for r in found)
    if len(found) > 2:
        report(f"{len(found)} resources")

PolicyPack("guard", [
    ResourceValidationPolicy("tagged", "has a tag", remediate=tagged, enforcement_level=EnforcementLevel.REMEDIATE,
        config_schema=PolicyConfigSchema({"tag": {"type": "string", "minLength": 2}})),
    ResourceValidationPolicy("small", "x is small", small, EnforcementLevel.MANDATORY, severity=Severity.HIGH,
        config_schema=PolicyConfigSchema({"most": {"type": "number", "default": 5}})),
    ResourceValidationPolicy("plain", "a plain name", plain, EnforcementLevel.ADVISORY),
    StackValidationPolicy("few", "at most two", few, EnforcementLevel.MANDATORY),
], enforcement_level=EnforcementLevel.ADVISORY)
"""


@dataclass
class Ran:
    """What a command did, and the events that it logged."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [event[kind] for event in self.events if kind in event]


@pytest.fixture
def folder(tmp_path: Path, policy_environment: Path) -> Path:
    """The project with a stack `dev`; the pack is in `pack`."""
    for name in ("project/pack", "backend", "home"):
        (tmp_path / name).mkdir(parents=True)
    folder = tmp_path / "project"
    (folder / "Pulumi.yaml").write_text(
        f"name: proj\nruntime: python\nplugins:\n  providers:\n  - {{name: tst, path: {PLUGIN}}}\n"
    )
    (folder / "pack" / "PulumiPolicy.yaml").write_text(
        f"runtime: {{name: python, options: {{virtualenv: {policy_environment}}}}}\nversion: 1.2.3\n"
    )
    (folder / "pack" / "__main__.py").write_text(PACK)
    return folder


@pytest.fixture
def pulumi(folder: Path) -> Callable[..., Ran]:
    """Runs a command; `program` replaces the program before."""
    place = folder.parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    environment.update(
        PATH=os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")]),
        PULUMI_HOME=str(place / "home"),
        PULUMI_BACKEND_URL=f"file://{place / 'backend'}",
        PULUMI_CONFIG_PASSPHRASE="x",
        TST_CLOUD=str(place / "cloud.json"),
    )

    def run(*arguments: str, program: str | None = None) -> Ran:
        if program is not None:
            (folder / "__main__.py").write_text(PRELUDE + program)
        log = place / "events"
        log.unlink(missing_ok=True)
        if arguments[0] in ("up", "preview"):
            arguments = (*arguments, "--event-log", str(log))
        command = [str(ROOT / "embedded" / "bin" / "pulumi"), *arguments]
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return Ran(ran.returncode, ran.stdout, ran.stderr, events)

    assert run("stack", "init", "dev").code == 0
    return run
