"""What a Python function or procedure needs to run: its code, imported files, packages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.programs.workers import PYTHON_VARIABLE, interpreter
from embedded.snowflake.storage.stages import location
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)\Z")
_CONDITION = re.compile(r"\s*(===?|>=|<=|~=|!=|<|>|=)\s*([0-9][\w.]*?)(\.\*)?\s*\Z")
_LIST = (
    "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions() if d.name}))"
)


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=4)
def _installed(python: str) -> dict[str, str]:
    """The packages that an interpreter has, with their versions."""
    if python == sys.executable:
        found = {item.name: item.version for item in metadata.distributions() if item.name}
    else:
        answer = subprocess.run([python, "-I", "-c", _LIST], capture_output=True, check=True, timeout=60)
        found = json.loads(answer.stdout)
    return {_folded(name): version for name, version in found.items()}


def available_packages() -> dict[str, str]:
    """The packages that handlers can name, with their versions."""
    return dict(_installed(interpreter()))


# Snowpark is the server's to give: whatever version is named, handlers get the one that is installed.
SNOWPARK = "snowflake-snowpark-python"


def check_packages(packages: list[str]) -> None:
    """Make sure that handlers' interpreter has the packages that a function or procedure names, Snowpark aside.

    Raises:
        SqlCompilationError: it has not (391546).
    """
    installed = _installed(interpreter())
    for written in packages:
        match = _REQUIREMENT.match(written)
        if match and _folded(match[1]) == SNOWPARK:
            continue
        version = installed.get(_folded(match[1])) if match else None
        if match is None or version is None or not _fits(version, match[2]):
            raise SqlCompilationError(
                "Cannot create a Python function with the specified packages. Please check your packages specification and"
                f" try again: '{written}' is not installed for the local Snowflake. Install it, or name an interpreter"
                f" that has it in {PYTHON_VARIABLE}.",
                391546,
                "22023",
            )


def check_snowpark() -> None:
    """Make sure that handlers' interpreter has Snowpark, without which no procedure runs.

    Raises:
        SnowflakeError: it has not (000002).
    """
    if SNOWPARK not in _installed(interpreter()):
        raise unsupported(
            f"Python procedures without {SNOWPARK}: install requirements/handlers.txt into an environment of its own,"
            f" '.venv/handlers' or the one whose interpreter {PYTHON_VARIABLE} names"
        )


def _fits(version: str, conditions: str) -> bool:
    return all(_meets(version, part) for part in conditions.split(",") if part.strip())


def _meets(version: str, condition: str) -> bool:
    match = _CONDITION.match(condition)
    if match is None:
        return condition.strip() in ("", "*")
    sign, wanted, open_end = match[1], match[2], match[3]
    have, want = _numbers(version), _numbers(wanted)
    if open_end or sign == "~=":
        kept = len(want) - (sign == "~=")
        return (have[:kept] == want[:kept]) == (sign != "!=") and (sign != "~=" or have >= want)
    length = max(len(have), len(want))
    a, b = ([*numbers, *[0] * (length - len(numbers))] for numbers in (have, want))
    return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "!=": a != b}.get(sign, a == b)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version.split("+")[0])]


def specification(item: CatalogObject) -> dict[str, Any]:
    """What a worker must know of a function or procedure: names, code, the kinds of its arguments and results."""
    body, properties = item.body, item.body["properties"]
    returns = body["returns"]
    kinds = [one["type"] for one in returns["table"]] if isinstance(returns, dict) else [returns]
    return {
        "name": item.name,
        "handler": properties["HANDLER"],
        "code": body["body"] or None,
        "arguments": [parse_type(one["type"]).kind for one in body["arguments"]],
        "names": [one["name"] for one in body["arguments"]],
        "returns": [parse_type(kind).kind for kind in kinds],
        "strict": body.get("null_handling") == "RETURNS NULL ON NULL INPUT",
    }


def imported_files(session: Session, item: CatalogObject) -> dict[str, bytes]:
    """The files that IMPORTS names, by their names.

    Raises:
        SnowflakeError: a stage or file is not there, or may not be read.
    """
    found = {}
    for written in item.body["properties"].get("IMPORTS") or []:
        place = location(session, written)
        file = place.target(place.prefix)
        if not file.is_file():
            raise SqlCompilationError(f"Remote file '{written}' was not found.", 91016, "22000")
        found[file.name] = file.read_bytes()
    return found
