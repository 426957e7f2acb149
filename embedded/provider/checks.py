"""Check the inputs a program gives: names, types, required ones, allowed values; fill in defaults and the name."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.provider import datatypes, names
from embedded.provider.description import Properties, Property
from embedded.provider.state import DEFAULTS
from embedded.provider.values import UNKNOWN

MAXIMUM_NAME = 255


@dataclass
class Naming:
    """What a missing name is made of: the logical name, the engine's seed, and its own proposal."""

    logical_name: str
    seed: bytes = b""
    proposed: str = ""
    disabled: bool = False

    def name(self) -> str | None:
        """Return ``<logicalName>-<7 random hex>``, the engine's proposal, or None when naming is turned off."""
        if self.disabled:
            return None
        if self.proposed:
            return self.proposed
        suffix = hashlib.sha256(self.seed).hexdigest()[:7] if self.seed else secrets.token_hex(4)[:7]
        return f"{self.logical_name[: MAXIMUM_NAME - 8]}-{suffix}"


@dataclass
class Checked:
    """The inputs with defaults, by Pulumi name, and what is wrong with them: (path, reason)."""

    inputs: dict[str, Any]
    failures: list[tuple[str, str]] = field(default_factory=list)


class Checker:
    """Checks the inputs of one resource."""

    def __init__(self, properties: Properties, type_name: str, naming: Naming | None, old: Mapping[str, Any]) -> None:
        self._properties = properties
        self._type = type_name
        self._naming = naming
        self._old = old
        self.failures: list[tuple[str, str]] = []

    def check(self, news: Mapping[str, Any]) -> Checked:
        """Return the checked inputs."""
        given = self._object(self._properties, news, "", self._old)
        self._relations(self._properties, given, "")
        return Checked(given, self.failures)

    def _fail(self, path: str, reason: str) -> None:
        self.failures.append((path, f"{reason}. Examine values at '{self._type}.{path}'."))

    def _object(
        self, properties: Properties, news: Mapping[str, Any], path: str, old: Mapping[str, Any]
    ) -> dict[str, Any]:
        by_name, result = properties.by_name, {}
        for name, value in news.items():
            if name == DEFAULTS or name.startswith("__"):
                continue
            where = f"{path}.{name}" if path else name
            prop = by_name.get(name)
            if prop is None or prop.output:
                self._fail(
                    where, "Invalid or unknown key" if prop is None else "Property cannot be set: it is an output"
                )
            elif value is not None:
                result[name] = self._value(prop, value, where)
        defaulted = self._defaults(properties, result, old)
        for prop in properties.required:
            if prop.name not in result:
                self._fail(
                    f"{path}.{prop.name}" if path else prop.name,
                    f'Missing required argument. The argument "{prop.name}" is required, but no definition was found',
                )
        return {DEFAULTS: sorted(defaulted), **result}

    def _defaults(self, properties: Properties, result: dict[str, Any], old: Mapping[str, Any]) -> list[str]:
        """Fill in names and defaults; return the names of what was filled in."""
        defaulted = []
        kept: set[str] = set(old.get(DEFAULTS) or ())
        for prop in properties.defaulted:
            if prop.name in result:
                continue
            value = self._default(prop, old, kept, result, properties)
            if value is not None:
                result[prop.name] = value
                defaulted.append(prop.name)
        return defaulted

    def _default(
        self, prop: Property, old: Mapping[str, Any], kept: set[str], result: Mapping[str, Any], properties: Properties
    ) -> Any:
        if prop.auto_named and self._naming:
            return old[prop.name] if prop.name in kept and old.get(prop.name) is not None else self._naming.name()
        if prop.default is None:
            return None
        others = [properties.get(key.rsplit(".", 1)[-1]) for key in (*prop.conflicts, *prop.one_of)]
        if any(other is not None and other is not prop and other.name in result for other in others):
            return None
        return prop.default

    # -- values --------------------------------------------------------------------------------------------------------

    def _value(self, prop: Property, value: Any, path: str) -> Any:
        if value is UNKNOWN:
            return value
        if prop.type == "object" or (prop.one and isinstance(value, dict)):
            return self._nested(prop, value, path)
        if prop.type in ("list", "set"):
            return self._items(prop, value, path)
        if prop.type == "map":
            if not isinstance(value, dict):
                self._fail(path, f"expected object type, got {_type_of(value)} type")
            return value
        converted = self._scalar(prop.type, value, path)
        if converted is not UNKNOWN:
            self._allowed(prop, converted, path)
        return converted

    def _nested(self, prop: Property, value: Any, path: str) -> Any:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict) or prop.properties is None:
            self._fail(path, f"expected object type, got {_type_of(value)} type")
            return value
        return self._object(prop.properties, value, path, {})

    def _items(self, prop: Property, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self._fail(path, f"expected array type, got {_type_of(value)} type")
            return value
        if len(value) < prop.minimum:
            self._fail(
                path,
                f"Not enough list items. Attribute requires {prop.minimum} item minimum, but config has only {len(value)}",
            )
        result = []
        for index, item in enumerate(value):
            where = f"{path}[{index}]"
            if item is UNKNOWN:
                result.append(item)
            elif prop.properties is not None and isinstance(item, dict):
                result.append(self._object(prop.properties, item, where, {}))
            elif prop.properties is not None:
                self._fail(where, f"expected object type, got {_type_of(item)} type")
            else:
                converted = self._scalar(prop.element or "string", item, where)
                self._allowed(prop, converted, where)
                result.append(converted)
        return result

    def _scalar(self, kind: str, value: Any, path: str) -> Any:
        convert = _CONVERT.get(kind)
        try:
            if convert is None or isinstance(value, (dict, list)) or value is None:
                raise ValueError
            return convert(value)
        except ValueError:
            self._fail(path, f"expected {_NAMES.get(kind, kind)} type, got {_shown(value)} of type {_type_of(value)}")
            return value

    def _allowed(self, prop: Property, value: Any, path: str) -> None:
        if not isinstance(value, str) or value == prop.default:
            return
        if prop.choices:
            known = {choice.casefold() for choice in prop.choices} if prop.ignore_case else set(prop.choices)
            if (value.casefold() if prop.ignore_case else value) not in known:
                self._fail(path, f"expected {path} to be one of [{' '.join(prop.choices)}], got {_shown(value)}")
        if prop.is_identifier:
            self._identifier(value, path)
        if "type" in prop.rules:
            try:
                datatypes.parse(value)
            except ValueError as error:
                self._fail(path, str(error))

    def _identifier(self, value: str, path: str) -> None:
        try:
            parts = names.parse(value.partition("(")[0])
            if not all(parts):
                raise ValueError("a part is empty")
        except ValueError as error:
            self._fail(path, f"Unable to parse the identifier: {value}: {error}")

    # -- relations between properties ----------------------------------------------------------------------------------

    def _relations(self, properties: Properties, given: Mapping[str, Any], path: str) -> None:
        defaulted = set(given.get(DEFAULTS) or ())

        def is_set(key: str) -> bool:
            prop = properties.get(key.rsplit(".", 1)[-1])
            if prop is None or prop.name not in given or prop.name in defaulted:
                return False
            return given[prop.name] is not False or prop.default is None

        seen: set[tuple[str, ...]] = set()
        for prop in properties.related:
            where = f"{path}.{prop.name}" if path else prop.name
            self._conflicts(prop, is_set, where)
            self._groups(prop, properties, is_set, where, seen)
        for name, value in given.items():
            prop = properties.by_name.get(name)
            if prop is None or prop.properties is None:
                continue
            where = f"{path}.{name}" if path else name
            if isinstance(value, dict):
                self._relations(prop.properties, value, where)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, dict):
                        self._relations(prop.properties, item, f"{where}[{index}]")

    def _conflicts(self, prop: Property, is_set: Any, where: str) -> None:
        if not is_set(prop.key):
            return
        for key in prop.conflicts:
            if is_set(key):
                self._fail(where, f'Conflicting configuration arguments. "{prop.key}": conflicts with {key}')
        for key in prop.with_:
            if not is_set(key):
                self._fail(
                    where, f'Missing required argument. "{prop.key}": all of `{",".join(prop.with_)}` must be specified'
                )

    def _groups(
        self, prop: Property, properties: Properties, is_set: Any, where: str, seen: set[tuple[str, ...]]
    ) -> None:
        for keys, exactly in ((prop.one_of, True), (prop.some_of, False)):
            known = tuple(sorted(key for key in keys if properties.get(key.rsplit(".", 1)[-1])))
            if not known or known in seen:
                continue
            count = sum(map(is_set, known))
            if count > 1 and not is_set(prop.key):
                continue  # one of those that are set will say so
            seen.add(known)
            listed = ",".join(known)
            if count == 0:
                self._fail(where, f'Missing required argument. "{prop.key}": one of `{listed}` must be specified')
            elif count > 1 and exactly:
                self._fail(
                    where, f'Invalid combination of arguments. "{prop.key}": only one of `{listed}` can be specified'
                )


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError
    number = float(value) if isinstance(value, (str, int, float)) else None
    if number is None or not number.is_integer():
        raise ValueError
    return int(number)


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_CONVERT = {"string": _string, "int": _integer, "bool": _boolean, "float": float}
_NAMES = {"int": "number", "float": "number", "bool": "bool"}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "null")


def _shown(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (str, int, float, bool)) else _type_of(value)
