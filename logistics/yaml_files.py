"""YAML files with the line of each value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from logistics.errors import FileError


def load_yaml(path: Path, error: type[FileError] = FileError, root: Path | None = None) -> CommentedMap:
    """Reads a YAML file whose top level is a mapping; errors name it as it lies under `root`.

    Raises:
        FileError: the file is absent, is no YAML, repeats a key, or is not a mapping.
    """
    shown = path.relative_to(root) if root else path
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(shown, None, "there is no such file") from None
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise error(shown, mark.line + 1 if mark else None, f"not valid YAML: {problem.problem}") from None
    if not isinstance(document, CommentedMap):
        raise error(shown, 1, "expected a mapping of keys to values")
    return document


def line_of(document: Any, location: Sequence[str | int]) -> int | None:
    """Returns the 1-based line of the deepest part of `location` that the document has.

    Args:
        document: what `load_yaml` returned, or a part of it.
        location: keys and list positions from the top, as pydantic reports them.
    """
    line: int | None = None
    for step in location:
        if isinstance(document, CommentedMap) and step in document:
            line = document.lc.key(step)[0] + 1
        elif isinstance(document, CommentedSeq) and isinstance(step, int) and step < len(document):
            line = document.lc.item(step)[0] + 1
        else:
            break
        document = document[step]
    return line


def plain(document: Any) -> Any:
    """Returns the document as plain dicts, lists and scalars."""
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items()}
    if isinstance(document, list):
        return [plain(value) for value in document]
    return document
