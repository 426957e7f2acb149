"""`pulumi plugin` and `pulumi install`.

This engine downloads no plugins: it uses those that Pulumi.yaml names, that lie beside the launcher, on PATH, or in
$PULUMI_HOME/plugins (where the official CLI puts them).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedded.engine import yamlfile
from embedded.engine.backend.login import pulumi_home
from embedded.engine.cli import terminal
from embedded.engine.cli.command import JSON_FLAG, YES_FLAG, Call, command
from embedded.engine.cli.deploy import LAUNCHER_FOLDER
from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError

_KINDS = ("analyzer", "converter", "language", "resource", "tool")
_FOLDER = re.compile(rf"(?P<kind>{'|'.join(_KINDS)})-(?P<name>.+)-v(?P<version>\d+\.\d+\.\d+.*)")


def _installed() -> Iterator[tuple[Path, re.Match[str]]]:
    folder = pulumi_home() / "plugins"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _FOLDER.fullmatch(path.name)
        if match and path.is_dir():
            yield path, match


@command(flags=(JSON_FLAG, Flag("project", "List only the plugins used by the current project", short="p")))
def list_plugins(call: Call) -> None:
    """List plugins

    Lists the plugins in the plugin cache.
    """
    entries = []
    for path, match in _installed():
        size = sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
        moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        entries.append({**match.groupdict(), "size": size, "installTime": moment, "lastUsedTime": moment})
    if call.flags["json"]:
        terminal.out_json([_json(entry) for entry in entries])
        return
    rows = [
        (
            entry["name"],
            entry["kind"],
            entry["version"],
            f"{entry['size']} B",
            terminal.ago(entry["installTime"]),
            "n/a",
        )
        for entry in entries
    ]
    terminal.out(terminal.table(("NAME", "KIND", "VERSION", "SIZE", "INSTALLED", "LAST USED"), rows))
    terminal.out(f"\nTOTAL plugin cache size: {sum(entry['size'] for entry in entries)} B")


def _json(entry: dict[str, Any]) -> dict[str, Any]:
    order = ("name", "kind", "version", "size", "installTime", "lastUsedTime")
    return {key: terminal.json_time(entry[key]) if isinstance(entry[key], datetime) else entry[key] for key in order}


@command(
    "[<kind> <name> [version]]",
    maximum=3,
    flags=(
        Flag("server", "A URL to download plugins from", "string", default=""),
        Flag("exact", "Force installation of an exact version match"),
        Flag("reinstall", "Reinstall a plugin even if it already exists"),
        Flag("file", "Install a plugin from a binary, folder or tarball", "string", "f", ""),
        Flag("checksum", "The expected SHA256 checksum for the plugin archive", "string", default=""),
    ),
)
def install(call: Call) -> None:
    """Install one or more plugins

    A plugin that is found already is fine; with --file a folder or an executable is copied to the plugin cache.
    """
    if not call.arguments:
        return
    if len(call.arguments) < 2:
        raise EngineError("missing plugin name argument")
    kind, name = call.arguments[0], call.arguments[1]
    version = call.argument(2).removeprefix("v")
    if kind not in _KINDS:
        raise EngineError(f"unrecognized plugin kind: {kind}")
    if call.flags["file"]:
        _install_file(Path(call.flags["file"]), kind, name, version)
        return
    if kind == "language" and name == "python":
        return
    if not _is_found(kind, name, version):
        raise EngineError(
            f"plugin {name} of kind {kind} was not found, and this engine downloads none: put an executable pulumi-{kind}-{name} "
            "on PATH, name its folder under `plugins` in Pulumi.yaml, or install it with --file"
        )


def _install_file(source: Path, kind: str, name: str, version: str) -> None:
    if not version:
        raise EngineError("a version is needed with --file: pulumi plugin install KIND NAME VERSION --file PATH")
    if not source.exists():
        raise EngineError(f"opening file {source}: no such file or directory")
    target = pulumi_home() / "plugins" / f"{kind}-{name}-v{version}"
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / f"pulumi-{kind}-{name}")


def _is_found(kind: str, name: str, version: str) -> bool:
    executable = f"pulumi-{kind}-{name}"
    if (LAUNCHER_FOLDER / executable).is_file() or shutil.which(executable):
        return True
    wanted = (match for _, match in _installed() if match["kind"] == kind and match["name"] == name)
    return any(not version or match["version"] == version for match in wanted)


@command(
    "[<kind> [name] [version]]",
    maximum=3,
    flags=(YES_FLAG, Flag("all", "Remove all plugins", short="a")),
)
def remove(call: Call) -> None:
    """Remove one or more plugins from the download cache"""
    if not call.arguments and not call.flags["all"]:
        raise EngineError("please pass --all if you'd like to remove all plugins")
    if not call.flags["yes"] and not call.session.interactive:
        raise EngineError("--yes must be passed in to proceed when running in non-interactive mode")
    kind, name, version = (call.argument(index) for index in range(3))
    chosen = [
        path
        for path, match in _installed()
        if kind in ("", match["kind"])
        and name in ("", match["name"])
        and version.removeprefix("v") in ("", match["version"])
    ]
    if not chosen:
        terminal.note("no plugins found to uninstall")
        return
    for path in chosen:
        shutil.rmtree(path)
        terminal.out(f"removed: {path.name}")


# --- install ---------------------------------------------------------------------------------------------------------


@command(
    flags=(
        Flag("no-dependencies", "Skip installing dependencies"),
        Flag("no-plugins", "Skip installing plugins"),
        Flag("reinstall", "Reinstall a plugin even if it already exists"),
        Flag("use-language-version-tools", "Use language version tools to setup and install the language runtime"),
        Flag("parallel", "The max number of concurrent installs", "int", default=4),
    )
)
def install_project(call: Call) -> None:
    """Install packages and plugins for the current program

    Makes the virtual environment that Pulumi.yaml (or a policy pack's PulumiPolicy.yaml) names, and installs requirements.txt (or
    pyproject.toml) into it.
    """
    root, runtime, options = _what_to_install(call)
    if call.flags["no_dependencies"]:
        return
    if runtime != "python":
        raise EngineError(f"installing dependencies is not supported for runtime '{runtime}' (supported: python)")
    terminal.out("Installing dependencies...\n")
    virtualenv = options.get("virtualenv")
    python = sys.executable
    if virtualenv:
        folder = root / str(virtualenv)
        python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        if not Path(python).is_file():
            _run([sys.executable, "-m", "venv", str(folder)], root)
    requirements = root / "requirements.txt"
    if requirements.is_file():
        _run([*_installer(python), "-r", str(requirements)], root)
    elif (root / "pyproject.toml").is_file() and virtualenv:
        _run([*_installer(python), "-e", str(root)], root)
    terminal.out("Finished installing dependencies")


def _what_to_install(call: Call) -> tuple[Path, str, dict[str, Any]]:
    """The folder, runtime and options of the policy pack or the project that the working directory is in."""
    pack = Path.cwd() / "PulumiPolicy.yaml"
    if pack.is_file():
        content = yamlfile.load(pack)
        runtime = content.get("runtime") if isinstance(content, dict) else None
        if isinstance(runtime, dict):
            return pack.parent, str(runtime.get("name")), dict(runtime.get("options") or {})
        return pack.parent, str(runtime), {}
    project = call.session.project
    return project.root, project.runtime, dict(project.runtime_options)


def _installer(python: str) -> list[str]:
    uv = shutil.which("uv")
    return [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]


def _run(command_line: list[str], folder: Path) -> None:
    done = subprocess.run(command_line, cwd=folder, check=False)
    if done.returncode:
        raise EngineError(f"installing dependencies failed: `{' '.join(command_line)}` ended with {done.returncode}")
