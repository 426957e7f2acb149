"""Property values and their differences as indented text.

Source: pkg/backend/display/object_diff.go of Pulumi.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from embedded.engine import values, yamlfile
from embedded.engine.display import colors
from embedded.engine.display.operations import STEP_TEXTS, color_of
from embedded.engine.display.property_diff import ObjectDiff, ValueDiff, diff_objects, diff_values, is_internal_property
from embedded.engine.errors import EngineError
from embedded.engine.values import (
    UNKNOWN,
    Archive,
    Asset,
    OutputValue,
    Properties,
    ResourceReference,
    SealedSecret,
    Secret,
    Value,
)

_TRUNCATED_LINES = 3
_TRUNCATED_COLUMNS = 150
_CONTEXT_LINES = 2
Title = Callable[["Printer"], None]


def is_primitive(value: Value) -> bool:
    """Whether the value takes one line: no list, map, asset, archive or reference."""
    return not isinstance(value, list | dict | Asset | Archive | ResourceReference)


def is_worth_showing(value: Value, outputs: bool) -> bool:
    """Whether a value is shown where nothing changed: nulls and empty things are not, outputs only where asked for."""
    if value is None or value in ("", [], {}):
        return False
    return outputs or not isinstance(value, OutputValue)


def quote(text: str) -> str:
    """A text in quotes, with what cannot be shown as Go's escapes."""
    special = {
        '"': '\\"',
        "\\": "\\\\",
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
    }
    return '"' + "".join(special.get(char) or (char if char.isprintable() else _escaped(char)) for char in text) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def number_text(value: float) -> str:
    """A number for the user's eyes: whole numbers without an exponent."""
    if value == int(value) if abs(value) != float("inf") and value == value else False:
        return f"{value:.0f}"
    return repr(float(value))


@dataclass(frozen=True)
class Printer:
    """Writes to `parts`; `indent` counts levels of four columns, `op` gives colour and, with `prefix`, the sign."""

    parts: list[str]
    indent: int
    op: str = "same"
    planning: bool = False
    prefix: bool = False
    summary: bool = False
    truncate: bool = True
    show_secrets: bool = False

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self.parts)

    def _deeper(self, levels: int = 1) -> Printer:
        return replace(self, indent=self.indent + levels)

    def _as(self, op: str, prefix: bool) -> Printer:
        return replace(self, op=op, prefix=prefix)

    def _verbatim(self, text: str) -> None:
        self.parts.append(f"{color_of(self.op)}{text}{colors.RESET}")

    def _indented(self, text: str, prefix: bool | None = None) -> None:
        space = "    " * self.indent
        if self.prefix if prefix is None else prefix:
            space = space[:-2] + STEP_TEXTS[self.op].prefix
        self.parts.append(f"{color_of(self.op)}{space}{text}{colors.RESET}")

    def _title(self, name: str, align: int) -> None:
        self._indented(f"{name:<{align}}: ")

    # --- values ------------------------------------------------------------------------------------------------------

    def print_object(self, properties: Properties) -> None:
        """Write a map of properties, one a line, internal ones left out."""
        align = max((len(key) for key in properties), default=0)
        for key in sorted(properties):
            if not is_internal_property(key):
                self.print_property(key, properties[key], align)

    def print_property(self, key: str, value: Value, align: int) -> None:
        """Write one property."""
        self._title(key, align)
        self._value_line(value)

    def _value_line(self, value: Value) -> None:
        self._value(value)
        self._verbatim("\n")

    def _value(self, value: Value) -> None:
        if isinstance(value, Secret) and self.show_secrets:
            self._value(value.value)
        elif isinstance(value, list):
            self._list(value)
        elif isinstance(value, dict):
            self._map(value)
        elif isinstance(value, Asset | Archive):
            self._asset(value) if isinstance(value, Asset) else self._archive(value)
        elif isinstance(value, ResourceReference):
            self._reference(value)
        else:
            self._primitive(value)

    def _list(self, items: list[Value]) -> None:
        if not items:
            self._verbatim("[]")
            return
        self._verbatim("[\n")
        for index, item in enumerate(items):
            self._indented(f"    [{index}]: ")
            self._deeper()._value_line(item)
        self._indented("]", prefix=False)

    def _map(self, properties: Properties) -> None:
        if not properties:
            self._verbatim("{}")
            return
        self._verbatim("{\n")
        self._deeper().print_object(properties)
        self._indented("}", prefix=False)

    def _reference(self, value: ResourceReference) -> None:
        self._verbatim("{\n")
        inner = self._deeper()
        for name, item in (("URN", value.urn), ("ID", value.id), ("PackageVersion", value.package_version)):
            inner._title(name, 3)
            inner._value_line(item or "")
        self._indented("}", prefix=False)

    def _asset(self, asset: Asset) -> None:
        if asset.text is not None:
            self._verbatim(f"asset(text:{_short(asset)}) {{\n")
            for line in asset.text.split("\n"):
                self._indented(f"    {line}\n", prefix=False)
            self._indented("}", prefix=False)
        else:
            kind, what = ("file", asset.path) if asset.path is not None else ("uri", asset.uri)
            self._verbatim(f"asset({kind}:{_short(asset)}) {{ {what} }}")

    def _archive(self, archive: Archive) -> None:
        if archive.assets is None:
            kind, what = ("file", archive.path) if archive.path is not None else ("uri", archive.uri)
            self._verbatim(f"archive({kind}:{_short(archive)}) {{ {what} }}")
            return
        self._verbatim(f"archive(assets:{_short(archive)}) {{\n")
        for name in sorted(archive.assets):
            self._indented(f'    "{name}": ')
            self._deeper()._value_line(archive.assets[name])
        self._indented("}", prefix=False)

    def _primitive(self, value: Value) -> None:
        if isinstance(value, OutputValue):
            value = value.value if value.known and not value.secret else Secret(None) if value.known else UNKNOWN
        if isinstance(value, str):
            self._text(value)
        elif value is None:
            self._verbatim("<null>")
        elif isinstance(value, bool):
            self._verbatim("true" if value else "false")
        elif isinstance(value, int | float):
            self._verbatim(number_text(value))
        elif isinstance(value, Secret | SealedSecret):
            self._verbatim("[secret]")
        elif isinstance(value, bytes):
            self._verbatim(f"<{len(value)} bytes>")
        elif value is UNKNOWN:
            self._verbatim("[unknown]")
        else:
            self._value(value)

    def _text(self, text: str) -> None:
        decoded = decode_text(text)
        if decoded is not None:
            kind, value = decoded
            self._verbatim(f"({kind}) ")
            self._value_line(value)
        else:
            self._verbatim(quote(truncated(text) if self.truncate else text))

    # --- differences -------------------------------------------------------------------------------------------------

    def print_hidden(self, paths: Iterable[str]) -> None:
        """Write a line for each path whose difference is hidden."""
        for path in paths:
            self._as("update", True)._indented(f"{path} (hidden)\n")

    def print_object_diff(self, diff: ObjectDiff, include: Iterable[str] | None = None) -> None:
        """Write the difference of two maps; `include` limits it to some keys."""
        wanted = None if include is None else set(include)
        keys = [key for key in diff.all_keys() if wanted is None or key in wanted]
        align = max((len(key) for key in keys), default=0)
        for key in keys:
            self.print_property_diff(key, align, diff)

    def print_property_diff(self, key: str, align: int, diff: ObjectDiff) -> None:
        """Write what became of one property."""

        def title(printer: Printer) -> None:
            printer._title(key, align)

        if key in diff.adds:
            self._changed("create", diff.adds[key], title)
        elif key in diff.deletes:
            self._changed("delete", diff.deletes[key], title)
        elif key in diff.updates:
            self._value_diff(title, diff.updates[key])
        elif not self.summary and is_worth_showing(diff.sames.get(key), self.planning):
            self._as("same", False).print_property(key, diff.sames.get(key), align)

    def _changed(self, op: str, value: Value, title: Title) -> None:
        printer = self._as(op, True)
        title(printer)
        printer._value_line(value)

    def _value_diff(self, title: Title, diff: ValueDiff) -> None:
        printer = self._as("update", True)
        if printer.show_secrets and (isinstance(diff.old, Secret) or isinstance(diff.new, Secret)):
            bare = diff_values(_bare(diff.old), _bare(diff.new))
            if bare is not None:
                printer._value_diff(title, bare)
                return
        if diff.array is not None:
            printer._list_diff(title, diff.array)
        elif diff.object is not None:
            title(printer)
            printer._verbatim("{\n")
            printer._deeper().print_object_diff(diff.object)
            printer._indented("}\n", prefix=False)
        else:
            printer._plain_diff(title, diff.old, diff.new)

    def _list_diff(self, title: Title, diff: ObjectDiff) -> None:
        title(self)
        self._verbatim("[\n")
        for index in diff.all_keys():
            inner = self._deeper(2)

            def element_title(printer: Printer, index: int = index) -> None:
                printer._deeper(-1)._indented(f"[{index}]: ")

            if index in diff.adds:
                inner._changed("create", diff.adds[index], element_title)
            elif index in diff.deletes:
                inner._changed("delete", diff.deletes[index], element_title)
            elif index in diff.updates:
                inner._value_diff(element_title, diff.updates[index])
            elif not self.summary:
                same = inner._as("same", False)
                element_title(same)
                same._value_line(diff.sames[index])
        self._indented("]\n", prefix=False)

    def _plain_diff(self, title: Title, old: Value, new: Value) -> None:
        show_old, show_new = is_worth_showing(old, False), is_worth_showing(new, False)
        if show_old and show_new and is_primitive(old) and is_primitive(new):
            title(self)
            if isinstance(old, str) and isinstance(new, str):
                self._text_diff(old, new)
                return
            self._as("delete", True)._primitive(old)
            self._verbatim(" => ")
            self._as("create", True)._primitive(new)
            self._verbatim("\n")
            return
        assets = show_old and show_new and type(old) is type(new) and isinstance(old, Asset | Archive)
        if assets and self._asset_diff(title, old, new):
            return
        if show_old:
            self._changed("delete", old, title)
        if show_new:
            self._changed("create", new, title)

    def _asset_diff(self, title: Title, old: Any, new: Any) -> bool:
        """Write how an asset or archive changed; false if its kind did, which is a deletion and an addition."""
        name = "asset" if isinstance(old, Asset) else "archive"
        change = _arrow(_short(old), _short(new))
        for kind, attribute in (("file", "path"), ("uri", "uri")):
            before, after = getattr(old, attribute), getattr(new, attribute)
            if before is not None and after is not None:
                title(self)
                self._verbatim(f"{name}({kind}:{change}) {{ {_arrow(before, after)} }}\n")
                return True
        if isinstance(old, Asset) and old.text is not None and new.text is not None:
            title(self)
            self._verbatim(f"asset(text:{change}) {{")
            self._deeper()._text_diff(old.text, new.text)
            self._indented("}\n", prefix=False)
            return True
        if isinstance(old, Archive) and old.assets is not None and new.assets is not None:
            title(self)
            self._verbatim(f"archive(assets:{change}) {{\n")
            self._deeper()._members_diff(old.assets, new.assets)
            self._indented("}\n", prefix=False)
            return True
        return False

    def _members_diff(self, old: Any, new: Any) -> None:
        names = sorted({*old, *new})
        align = max((len(name) + 2 for name in names), default=0)
        for name in names:

            def title(printer: Printer, name: str = name) -> None:
                printer._title(f'"{name}"', align)

            before, after = old.get(name), new.get(name)
            if before is None:
                self._deeper()._changed("create", after, title)
            elif after is None:
                self._deeper()._changed("delete", before, title)
            elif type(before) is not type(after) or before.hash != after.hash:
                self._as("update", True)._plain_diff(title, before, after)

    # --- texts -------------------------------------------------------------------------------------------------------

    def _text_diff(self, old: str, new: str) -> None:
        before, after = decode_text(old), decode_text(new)
        if before is not None and after is not None:
            self._decoded_diff(before, after, old, new)
        elif "\n" in old or "\n" in new:
            self._deeper()._line_diff(old.split("\n"), new.split("\n"))
        else:
            self._character_diff(old, new)

    def _decoded_diff(self, before: tuple[str, Value], after: tuple[str, Value], old: str, new: str) -> None:
        (old_kind, old_value), (new_kind, new_value) = before, after
        if values.equal(old_value, new_value):
            self._character_diff(quote(old), quote(new))
            return
        self._verbatim(f"({old_kind}) " if old_kind == new_kind else f"({old_kind} => {new_kind}) ")
        diff = diff_values(old_value, new_value)
        if diff is None:
            self._as("same", self.prefix)._value_line(old_value)
        else:
            self._value_diff(lambda printer: None, diff)  # noqa: ARG005

    def _character_diff(self, old: str, new: str) -> None:
        start, end = _common_ends(old, new)
        for text, op, tail in ((old, "delete", " => "), (new, "create", "\n")):
            middle = text[start : len(text) - end]
            self._verbatim('"')
            for part, part_op in ((text[:start], "same"), (middle, op), (text[len(text) - end :], "same")):
                if part:
                    self._as(part_op, False)._verbatim(quote(part)[1:-1])
            self._verbatim(f'"{tail}')

    def _line_diff(self, old: list[str], new: list[str]) -> None:
        self._verbatim("\n")
        opcodes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        for number, (tag, old_from, old_to, new_from, new_to) in enumerate(opcodes):
            if tag == "equal":
                self._context(old[old_from:old_to], number == 0, number == len(opcodes) - 1)
                continue
            self._lines("delete", old[old_from:old_to])
            self._lines("create", new[new_from:new_to])

    def _context(self, lines: list[str], first: bool, last: bool) -> None:
        lines = [line for line in lines if line.strip()]
        head = [] if first else lines[:_CONTEXT_LINES]
        tail = [] if last and not first else lines[-_CONTEXT_LINES:]
        if len(lines) <= (_CONTEXT_LINES if first or last else 2 * _CONTEXT_LINES) + 1:
            self._lines("same", lines)
            return
        self._lines("same", head)
        self._as("same", False)._indented("...\n")
        self._lines("same", tail)

    def _lines(self, op: str, lines: list[str]) -> None:
        printer = self._as(op, op != "same")
        for line in lines:
            if line.strip():
                printer._indented(line)
                self.parts.append("\n")


def _bare(value: Value) -> Value:
    return value.value if isinstance(value, Secret) else value


def _short(value: Asset | Archive) -> str:
    return (value.hash or "")[:7]


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old}->{new}"


def _common_ends(old: str, new: str) -> tuple[int, int]:
    """How many characters two texts have in common at the start, and then at the end."""
    limit = min(len(old), len(new))
    start = next((index for index in range(limit) if old[index] != new[index]), limit)
    rest = limit - start
    end = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    return start, end


def truncated(text: str) -> str:
    """The text cut to three lines of 150 characters."""
    lines = [
        line if len(line) <= _TRUNCATED_COLUMNS else line[:_TRUNCATED_COLUMNS] + "..." for line in text.split("\n")
    ]
    if len(lines) > _TRUNCATED_LINES:
        return "\n".join((*lines[:_TRUNCATED_LINES], "..."))
    return "\n".join(lines)


def decode_text(text: str) -> tuple[str, Value] | None:
    """The list or map that a text holds as JSON, or (if it has several lines) as YAML; None if it holds none."""
    stripped = text.strip()
    if not stripped:
        return None
    kind = "json"
    try:
        value = json.loads(stripped) if stripped[0] in "[{" else None
    except (ValueError, RecursionError):
        value = None
    if value is None and ("\n" in stripped or "\r" in stripped):
        kind = "yaml"
        try:
            value = yamlfile.parse(stripped, "text")
        except (EngineError, RecursionError):
            return None
    return (kind, _text_keys(value)) if isinstance(value, list | dict) else None


def _text_keys(value: Any) -> Value:
    if isinstance(value, dict):
        return {str(key): _text_keys(item) for key, item in value.items()}
    return [_text_keys(item) for item in value] if isinstance(value, list) else value


def object_diff_text(old: Properties, new: Properties, printer: Printer, include: Iterable[str] | None) -> None:
    """Write how one map of properties became another; unchanged, it is written as it is."""
    diff = diff_objects(old, new)
    if diff is None:
        printer._as("same", True).print_object(new)
    else:
        replace(printer, op="same", prefix=True).print_object_diff(diff, include)
