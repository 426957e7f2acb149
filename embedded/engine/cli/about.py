"""`pulumi about` and `pulumi version`."""

from __future__ import annotations

import platform
import sys
from typing import Any

from embedded.engine.backend.locks import user_name
from embedded.engine.backend.recovery import current_checkpoint
from embedded.engine.cli import VERSION, terminal
from embedded.engine.cli.command import STACK_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.stack import backend_name
from embedded.engine.errors import EngineError


@command()
def version(call: Call) -> None:
    """Print Pulumi's version number"""
    del call
    terminal.out(VERSION)


@command(
    flags=(
        STACK_FLAG,
        Flag("json", "Emit output as JSON", short="j"),
        Flag("output", "Output format: default or json", "string", "o", "default"),
        Flag("transitive", "Include transitive dependencies", short="t"),
    )
)
def about(call: Call) -> None:
    """Print information about the Pulumi environment

    Prints out information helpful for debugging: the CLI version, the host, the backend, the current stack, the program's
    language and its packages.
    """
    if call.flags["output"] not in ("default", "json"):
        raise EngineError(f"unknown output format '{call.flags['output']}'; allowed: default, json")
    errors: list[str] = []
    report = _report(call, errors)
    if call.flags["json"] or call.flags["output"] == "json":
        terminal.out_json({**report, "errors": errors})
        return
    _print(report)
    for error in errors:
        terminal.warn(error)


def _report(call: Call, errors: list[str]) -> dict[str, Any]:
    session = call.session
    report: dict[str, Any] = {"plugins": None, "host": _host(), "backend": None, "currentStack": None}
    try:
        report["backend"] = {
            "name": backend_name(),
            "url": session.backend.url,
            "user": user_name(),
            "organizations": None,
        }
        report["currentStack"] = _stack(call)
    except EngineError as error:
        errors.append(f"Could not read the backend or its stack: {error.message}")
    report["cliAbout"] = {
        "version": VERSION.removeprefix("v"),
        "goVersion": f"python {platform.python_version()}",
        "goCompiler": platform.python_implementation(),
    }
    report["runtime"] = report["dependencies"] = None
    try:
        project = session.optional_project
        if project is not None:
            report["plugins"] = [{"name": project.runtime, "version": None, "kind": "language"}]
            report["runtime"], report["dependencies"] = _runtime(call)
    except EngineError as error:
        errors.append(f"Could not read the project: {error.message}")
    return report


def _host() -> dict[str, str]:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return {
        "os": release.get("ID", sys.platform),
        "version": release.get("VERSION_ID", platform.release()),
        "arch": platform.machine(),
    }


def _stack(call: Call) -> dict[str, Any] | None:
    session = call.session
    reference = session.require_stack(call.flags["stack"]) if call.flags["stack"] else session.current_stack()
    if reference is None:
        return None
    checkpoint = current_checkpoint(session.backend, reference)
    pending = (checkpoint.deployment or {}).get("pending_operations") or []
    return {
        "name": session.show_name(reference),
        "fullyQualifiedName": reference.qualified_name,
        "resources": [{"type": item["type"], "urn": item["urn"]} for item in checkpoint.resources],
        "pendingOps": [
            {"type": item["resource"]["type"], "urn": item["resource"]["urn"], "op": item["type"]} for item in pending
        ],
    }


def _runtime(call: Call) -> tuple[dict[str, Any], list[dict[str, str]] | None]:
    """The program's language, and the packages that it can import (those of this interpreter, if it is the program's)."""
    from embedded.engine.language.host import Program, program_python

    project = call.session.project
    python = program_python(Program(project.root, project.program, project.runtime_options))
    runtime = {"executable": python, "language": project.runtime, "version": platform.python_version()}
    if python != sys.executable:
        return runtime, None
    from importlib.metadata import distributions

    found = {item.metadata["Name"]: item.version for item in distributions() if item.metadata["Name"]}
    return runtime, [{"name": name, "version": found[name]} for name in sorted(found, key=str.lower)]


def _print(report: dict[str, Any]) -> None:
    sections = {
        "CLI": report["cliAbout"],
        "Host": report["host"],
        "Backend": report["backend"],
        "This project is written in": report["runtime"],
    }
    for title, content in sections.items():
        if content:
            terminal.out(title)
            rows = [(key, str(value)) for key, value in content.items() if value is not None]
            terminal.out(terminal.table(("KEY", "VALUE"), rows))
            terminal.out()
    stack = report["currentStack"]
    if stack:
        terminal.out(f"Current Stack: {stack['fullyQualifiedName']}")
        terminal.out()
        terminal.out(terminal.table(("TYPE", "URN"), [(item["type"], item["urn"]) for item in stack["resources"]]))
        terminal.out()
    if report["dependencies"]:
        terminal.out("Dependencies:")
        terminal.out(
            terminal.table(("NAME", "VERSION"), [(item["name"], item["version"]) for item in report["dependencies"]])
        )
