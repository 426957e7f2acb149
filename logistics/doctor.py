"""Looks at this machine: what the platform needs to run here, and how to mend what is missing; changes nothing."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from logistics.declarations import load_declarations
from logistics.errors import LogisticsError
from logistics.local import server
from logistics.settings import load_stack
from logistics.settings.load import stacks

OK, WARNING, FAILED = "ok", "warning", "failed"
PYTHONS = ((3, 11), (3, 14))
"""The oldest and the newest Python that the platform runs on."""
GIGABYTE = 1024**3
DISK_FAILED, DISK_WARNING = 0.5, 2.0
"""Gigabytes of free disk below which a first run fails, or may."""
MEMORY_WARNING = 1.0
_KEY_VARIABLE = "SNOWFLAKE_PRIVATE_KEY_PATH"
_ANSWER_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        status: ok; warning (something of the platform will not work); failed (nothing will).
        seen: what was found.
        mend: what to do; empty where all is well.
    """

    name: str
    status: str
    seen: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is looked at: a project's folder, the variables of this shell, and the stack that is wanted."""

    root: Path
    variables: Mapping[str, str]
    stack: str


def examine(machine: Machine) -> Iterator[Diagnosis]:
    """Yields what was found, one thing after the other; a look that fails is a failure of that thing alone."""
    for name, look in _LOOKS.items():
        try:
            yield from look(machine)
        except Exception as error:
            yield Diagnosis(name=name, status=FAILED, seen=_line(error), mend="see the message")


def exit_code(found: list[Diagnosis]) -> int:
    """Returns 1 if something failed, else 0."""
    return int(any(each.status == FAILED for each in found))


def as_json(found: list[Diagnosis]) -> list[dict[str, Any]]:
    """Returns what was found as JSON's own types."""
    return [asdict(each) for each in found]


def _python(_machine: Machine) -> Iterator[Diagnosis]:
    found, (oldest, newest) = sys.version_info[:2], PYTHONS
    seen = f"{platform.python_version()} in {sys.prefix}"
    if found < oldest or found > newest:
        wanted = f"{'.'.join(map(str, oldest))} to {'.'.join(map(str, newest))}"
        yield Diagnosis(
            name="Python", status=FAILED, seen=f"{seen}, needed {wanted}", mend="make clean install PYTHON=python3.12"
        )
    else:
        yield Diagnosis(name="Python", status=OK, seen=seen)


def _packages(machine: Machine) -> Iterator[Diagnosis]:
    """Compares what is installed with the pinned versions, of what `make up` needs and of what analyses need."""
    for name, file, status, target in (
        ("Packages", "run.txt", FAILED, "make install"),
        (
            "Packages of analysis",
            "analysis.txt",
            WARNING,
            "make analysis, for quality, optimizer, models and dashboard",
        ),
    ):
        pins = list(_pins(machine.root / "requirements" / file))
        missing = [pin.name for pin in pins if _installed(pin.name) is None]
        other = [f"{pin.name} {_installed(pin.name)}" for pin in pins if pin.name not in missing and not _fits(pin)]
        if missing:
            yield Diagnosis(name=name, status=status, seen=f"not installed: {_some(missing)}", mend=target)
        elif other:
            yield Diagnosis(name=name, status=WARNING, seen=f"not the pinned versions: {_some(other)}", mend=target)
        else:
            yield Diagnosis(name=name, status=OK, seen=f"{len(pins)} as pinned in requirements/{file}")


def _pins(file: Path) -> Iterator[Requirement]:
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            pin = Requirement(line.split(" #")[0].strip())
            if pin.marker is None or pin.marker.evaluate():
                yield pin
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _fits(pin: Requirement) -> bool:
    return pin.specifier.contains(_installed(pin.name) or "", prereleases=True)


def _programs(_machine: Machine) -> Iterator[Diagnosis]:
    for name, why in (
        ("git", "history and reviews know no commits"),
        ("make", "the commands of the Makefile cannot be typed"),
    ):
        path = shutil.which(name)
        if path:
            yield Diagnosis(name=name, status=OK, seen=path)
        else:
            yield Diagnosis(name=name, status=WARNING, seen=f"is not on PATH: {why}", mend=f"install {name}")


def _disk(machine: Machine) -> Iterator[Diagnosis]:
    local = machine.root / ".local"
    place = local if local.is_dir() else machine.root
    if not os.access(place, os.W_OK):
        yield Diagnosis(
            name="Disk", status=FAILED, seen=f"{place} cannot be written", mend=f"make {place} yours: chown"
        )
        return
    free = shutil.disk_usage(place).free / GIGABYTE
    status = FAILED if free < DISK_FAILED else WARNING if free < DISK_WARNING else OK
    mend = "" if status == OK else "free some space; `make clean` removes this project's own data"
    yield Diagnosis(name="Disk", status=status, seen=f"{free:.1f} GB free in {place}", mend=mend)


def _memory(_machine: Machine) -> Iterator[Diagnosis]:
    free = psutil.virtual_memory().available / GIGABYTE
    few = free < MEMORY_WARNING
    mend = "close something large; the first deployment takes about 1 GB" if few else ""
    yield Diagnosis(name="Memory", status=WARNING if few else OK, seen=f"{free:.1f} GB available", mend=mend)


def _engine(machine: Machine) -> Iterator[Diagnosis]:
    program = machine.root / "embedded" / "bin" / "pulumi"
    if not os.access(program, os.X_OK):
        yield Diagnosis(
            name="Pulumi engine",
            status=FAILED,
            seen=f"{program} cannot be run",
            mend=f"chmod +x {program}, or a fresh clone",
        )
    else:
        done = subprocess.run(
            [program, "version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
        if done.returncode:
            yield Diagnosis(
                name="Pulumi engine", status=FAILED, seen=_last(done.stderr or done.stdout), mend="make install"
            )
        else:
            yield Diagnosis(name="Pulumi engine", status=OK, seen=f"embedded, answers as {done.stdout.strip()}")
    official = shutil.which("pulumi")
    if official and Path(official).resolve() != program.resolve():
        yield Diagnosis(name="Official pulumi", status=OK, seen=f"{official}, for ENGINE=pulumi")


def _local_snowflake(machine: Machine) -> Iterator[Diagnosis]:
    """Looks at the record of the server without making its folder."""
    folder = machine.root / ".local" / "snowflake"
    running = server.find(machine.root) if folder.is_dir() else None
    name = "Local Snowflake"
    if running is None:
        yield from _port(machine)
    elif _listens(running.port):
        yield Diagnosis(name=name, status=OK, seen=f"runs on {server.HOST}:{running.port}, process {running.pid}")
    else:
        yield Diagnosis(
            name=name,
            status=FAILED,
            seen=f"process {running.pid} runs and does not answer on {server.HOST}:{running.port}",
            mend=f"see {folder / 'server.log'}, then logistics local stop",
        )


def _port(machine: Machine) -> Iterator[Diagnosis]:
    asked = machine.variables.get("LOCAL_SNOWFLAKE_PORT") or ""
    if asked and not (asked.isdigit() and int(asked) < 65_536):
        yield Diagnosis(
            name="Port", status=FAILED, seen=f"LOCAL_SNOWFLAKE_PORT is {asked!r}", mend="name a port from 0 to 65535"
        )
        return
    port = int(asked or server.DEFAULT_PORT)
    taken = bool(port) and _listens(port)
    if taken and asked:
        yield Diagnosis(
            name="Port",
            status=FAILED,
            seen=f"{port} is taken by another program",
            mend="name another LOCAL_SNOWFLAKE_PORT",
        )
    else:
        free = f"{port or 'any'} is free; the local Snowflake does not run"
        yield Diagnosis(
            name="Port", status=OK, seen=f"{port} is in use: the next free one will be taken" if taken else free
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((server.HOST, port)) == 0


def _stack_files(machine: Machine) -> Iterator[Diagnosis]:
    for stack in stacks(machine.root):
        try:
            settings = load_stack(machine.root, stack)
            declared = load_declarations(machine.root, settings)
        except LogisticsError as error:
            yield Diagnosis(name=f"Stack {stack}", status=FAILED, seen=_line(error), mend="mend the file at that place")
        else:
            seen = f"{settings.account.account}, {len(declared.tables)} tables"
            yield Diagnosis(name=f"Stack {stack}", status=OK, seen=seen)


def _secrets(machine: Machine) -> Iterator[Diagnosis]:
    """Looks at who may read the secrets, never at what they say."""
    local = machine.root / ".local"
    open_ones = [
        path for path in (local, *(local / name for name in _SECRET_FILES)) if path.exists() and _is_open(path)
    ]
    if open_ones:
        names = " ".join(str(path) for path in open_ones)
        yield Diagnosis(name="Secrets", status=WARNING, seen=f"others may read {names}", mend=f"chmod go= {names}")
    else:
        yield Diagnosis(
            name="Secrets", status=OK, seen=f"{local} is for its owner alone" if local.exists() else "none made yet"
        )
    yield from _salt(machine, local)
    yield from _credentials(machine)


_SECRET_FILES = ("passphrase", "admin-password", "user-key.p8", "orchestrator.env")


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _salt(machine: Machine, local: Path) -> Iterator[Diagnosis]:
    """Tells a stack file that was encrypted with a passphrase which is not here."""
    given = {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(machine.variables)
    if given or (local / "passphrase").exists():
        return
    salted = [
        path.name
        for path in sorted(machine.root.glob("Pulumi.*.yaml"))
        if "\nencryptionsalt:" in "\n" + path.read_text("utf-8")
    ]
    if salted:
        yield Diagnosis(
            name="Passphrase",
            status=WARNING,
            seen=f"{', '.join(salted)} was encrypted with a passphrase that is not here",
            mend="set PULUMI_CONFIG_PASSPHRASE_FILE, or take the line encryptionsalt out if the file holds no secret",
        )


def _credentials(machine: Machine) -> Iterator[Diagnosis]:
    settings = load_stack(machine.root, machine.stack)
    if settings.account.is_local:
        return
    name, key = "Credentials", machine.variables.get(_KEY_VARIABLE)
    if not key and not machine.variables.get("SNOWFLAKE_PASSWORD"):
        mend = f"set {_KEY_VARIABLE} or SNOWFLAKE_PASSWORD"
        yield Diagnosis(name=name, status=FAILED, seen=f"none for {settings.account.account}", mend=mend)
    elif key and not os.access(key, os.R_OK):
        yield Diagnosis(
            name=name,
            status=FAILED,
            seen=f"{_KEY_VARIABLE} names {key}, which cannot be read",
            mend="name the key's file",
        )
    elif key and _is_open(Path(key)):
        yield Diagnosis(name=name, status=WARNING, seen=f"others may read {key}", mend=f"chmod go= {key}")
    else:
        yield Diagnosis(name=name, status=OK, seen=f"given for {settings.account.account}")


_LOOKS: dict[str, Callable[[Machine], Iterator[Diagnosis]]] = {
    "Python": _python,
    "Packages": _packages,
    "Programs": _programs,
    "Disk": _disk,
    "Memory": _memory,
    "Pulumi engine": _engine,
    "Local Snowflake": _local_snowflake,
    "Stack files": _stack_files,
    "Secrets": _secrets,
}


def _some(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it gave no answer"
