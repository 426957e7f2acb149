"""The code of `logistics.ml.core` as text inside a procedure or function, where it is imported as `logistics_models`."""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from logistics.errors import LogisticsError

PACKAGE = "logistics_models"
_FOLDER = Path(__file__).with_name("core")

_IMPORTER = """import importlib.abc
import importlib.util
import sys


class _Bundle(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name != "{package}" and name.rpartition(".")[2] not in SOURCES or not name.startswith("{package}"):
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == "{package}")

    def exec_module(self, module):
        source = SOURCES.get(module.__name__.rpartition(".")[2], "")
        exec(compile(source, module.__name__ + ".py", "exec"), module.__dict__)


sys.meta_path.insert(0, _Bundle())"""


@lru_cache(maxsize=4)
def bundle(first: str) -> str:
    """Returns the text that makes a module of `core` importable with all that it imports; CODE_VERSION is in it too.

    Raises:
        LogisticsError: a module holds what cannot stand in a SQL text between dollar signs.
    """
    lines = ["SOURCES = {}"]
    for name in _needed(first):
        source = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
        if "'''" in source or "$$" in source or source.rstrip("\n").endswith(("'", "\\")):
            raise LogisticsError(
                f"logistics/ml/core/{name}.py holds ''' or $$, or ends in a quote: it cannot be shipped"
            )
        lines.append(f"SOURCES[{name!r}] = r'''{source}'''")
    return "\n".join([f"CODE_VERSION = {code_version()!r}", *lines, _IMPORTER.format(package=PACKAGE)])


@lru_cache(maxsize=1)
def code_version() -> str:
    """Returns a digest of all of `core`: the version of the code that trains, the same here and in Snowflake."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _needed(first: str) -> list[str]:
    """Returns a module of `core` and those that it imports, also within functions and by others, sorted."""
    found: set[str] = set()
    pending = [first]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += _imported((_FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    return sorted(found)


def _imported(source: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names += [node.module] if node.module else [alias.name for alias in node.names]
    return names
