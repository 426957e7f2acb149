"""YAML files with the line of each value, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from logistics.errors import FileError


class LinedMap(dict[Any, Any]):
    """A mapping; `lines` has the 1-based line of each key."""

    lines: dict[Any, int]


class LinedList(list[Any]):
    """A sequence; `lines` has the 1-based line of each item."""

    lines: list[int]


# The parser in C where PyYAML has it: a tenth of the time of one in Python, and contracts are read by every command.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML 1.2's core schema (no, off and 12:30 are texts), with dates."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}

    def lined_map(self, node: yaml.MappingNode) -> LinedMap:
        """Returns a mapping; a key that is there twice, or cannot be one, is an error with its line."""
        own = len([key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"])
        self.flatten_mapping(node)
        merged = len(node.value) - own
        found = LinedMap()
        found.lines = {}
        seen: set[Any] = set()
        for position, (key_node, value_node) in enumerate(node.value):
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.MarkedYAMLError(problem="a key is a scalar", problem_mark=key_node.start_mark)
            if key in seen:
                problem = f'found duplicate key "{key}"'
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if position >= merged:  # A key of its own takes the place of a merged one.
                seen.add(key)
            found[key] = self.construct_object(value_node, deep=True)
            found.lines[key] = key_node.start_mark.line + 1
        return found

    def lined_list(self, node: yaml.SequenceNode) -> LinedList:
        """Returns a sequence."""
        found = LinedList(self.construct_object(item, deep=True) for item in node.value)
        found.lines = [item.start_mark.line + 1 for item in node.value]
        return found

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Returns an integer: decimal, 0o octal or 0x hexadecimal."""
        text = self.construct_scalar(node)
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


_SCALARS = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)"
        r"|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"<<$", "<"),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.]+(?:[ ]*(?:Z|[-+][0-9:]+))?)?$", "0123456789"),
)
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.lined_map)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.lined_list)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole_number)


def load_yaml(path: Path, error: type[FileError] = FileError, root: Path | None = None) -> LinedMap:
    """Reads a YAML file whose top level is a mapping; errors name it as it lies under `root`.

    Raises:
        FileError: the file is absent, is no YAML, repeats a key, or is not a mapping.
    """
    shown = path.relative_to(root) if root else path
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise error(shown, None, "there is no such file") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise error(shown, mark.line + 1 if mark else None, f"not valid YAML: {problem.problem}") from None
    except (yaml.YAMLError, ValueError) as problem:
        raise error(shown, None, f"not valid YAML: {problem}") from None
    if not isinstance(document, LinedMap):
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
        try:
            line, document = document.lines[step], document[step]
        except (AttributeError, LookupError, TypeError):
            break  # A scalar, or no such key or item.
    return line


def plain(document: Any) -> Any:
    """Returns the document as plain dicts, lists and scalars."""
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items()}
    if isinstance(document, list):
        return [plain(value) for value in document]
    return document
