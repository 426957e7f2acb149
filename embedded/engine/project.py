"""The project file, Pulumi.yaml: found upwards from the working directory, read and validated.

Source: the project schema of Pulumi (sdk/go/common/workspace/project.json) and its loader.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine import yamlfile
from embedded.engine.errors import EngineError

PROJECT_FILE = "Pulumi"
EXTENSIONS = (".yaml", ".yml", ".json")
PLUGIN_KINDS = ("providers", "languages", "analyzers")


@dataclass(frozen=True)
class ConfigType:
    """A declared configuration key: its type with the type of its items, its default or fixed value."""

    type: str = ""
    items: Mapping[str, Any] | None = None
    default: Any = None
    value: Any = None
    secret: bool = False
    description: str = ""

    @property
    def type_name(self) -> str:
        """The type as messages name it: `array<string>`."""
        return _full_type_name(self.type, self.items)


@dataclass(frozen=True)
class PluginOverride:
    """A plugin taken from a folder instead of being searched for; `kind` is providers, languages or analyzers."""

    kind: str
    name: str
    path: Path
    version: str = ""


@dataclass(frozen=True)
class Project:
    """What Pulumi.yaml says; `path` is the file, `main` the program's folder or file, as written."""

    path: Path
    name: str
    runtime: str
    runtime_options: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    main: str = ""
    stack_config_dir: str = ""
    backend_url: str = ""
    refresh_always: bool = False
    required_pulumi_version: str = ""
    config: Mapping[str, ConfigType] = field(default_factory=dict)
    plugins: tuple[PluginOverride, ...] = ()
    packages: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of the project file."""
        return self.path.parent

    @property
    def program(self) -> Path:
        """The absolute path of the program: the project's folder, or what `main` names in it."""
        return Path(os.path.normpath(self.root / self.main)) if self.main else self.root

    def stack_file(self, stack: str) -> Path:
        """The configuration file of a stack: Pulumi.STACK.yaml beside the project file or in its stackConfigDir.

        Args:
            stack: The stack's bare name.
        """
        name = f"{PROJECT_FILE}.{stack}{self.path.suffix}"
        return self.root / self.stack_config_dir / name if self.stack_config_dir else self.root / name


def find_project_file(start: Path) -> Path | None:
    """The nearest Pulumi.yaml (or .yml, .json) in a folder or above it; None if there is none."""
    for folder in (start, *start.parents):
        for extension in EXTENSIONS:
            path = folder / (PROJECT_FILE + extension)
            if path.is_file():
                return path
    return None


def load_project(start: Path | None = None) -> Project:
    """The project of a folder (the working directory, unless given).

    Raises:
        EngineError: There is none, or its file is broken.
    """
    start = start or Path.cwd()
    path = find_project_file(start)
    if path is None:
        raise EngineError(
            f"no Pulumi.yaml project file found (searching upwards from {start}). If you have not created a project yet, "
            "use `pulumi new` to do so: no project file found"
        )
    return read_project(path)


def read_project(path: Path) -> Project:
    """The project of a file.

    Raises:
        EngineError: The file is broken; the message names it, the attribute and what is wrong.
    """
    raw = yamlfile.load(path)
    try:
        return _decode(path, raw)
    except _Invalid as error:
        raise EngineError(f"could not validate '{path}': {error}") from error


class _Invalid(Exception):
    """What is wrong with the file, without its name."""


def _decode(path: Path, raw: Any) -> Project:
    if not isinstance(raw, dict):
        raise _Invalid(f"expected project to be an object, was '{_go_type(raw)}'")
    _check_name(raw)
    _check_attributes(raw)
    runtime, options = _runtime_of(raw.get("runtime"))
    config = raw.get("config")
    stack_config_dir = raw.get("stackConfigDir") or ""
    if isinstance(config, str):
        if stack_config_dir:
            raise _Invalid(
                "Should not use both config and stackConfigDir to define the stack directory. Use only stackConfigDir"
            )
        stack_config_dir, config = config, None
    project = Project(
        path=path,
        name=raw["name"],
        runtime=runtime,
        runtime_options=options,
        description=raw.get("description") or "",
        main=raw.get("main") or "",
        stack_config_dir=stack_config_dir,
        backend_url=(raw.get("backend") or {}).get("url") or "",
        refresh_always=(raw.get("options") or {}).get("refresh") == "always",
        required_pulumi_version=raw.get("requiredPulumiVersion") or "",
        config={key: _config_type(key, value) for key, value in (config or {}).items()},
        plugins=tuple(_plugins_of(path.parent, raw.get("plugins") or {})),
        packages=raw.get("packages") or {},
    )
    for key, declared in project.config.items():
        _check_config_type(project.name, key, declared)
    return project


def _check_name(raw: Mapping[str, Any]) -> None:
    if "name" not in raw:
        close = difflib.get_close_matches("name", [str(key).lower() for key in raw], n=1, cutoff=0.7)
        found = next((key for key in raw if close and str(key).lower() == close[0]), None)
        raise _Invalid("project is missing a 'name' attribute" + (f"; found '{found}' instead" if found else ""))
    if not isinstance(raw["name"], str) or not raw["name"]:
        raise _Invalid("project is missing a non-empty string 'name' attribute")


_TYPE_NAMES = {
    str: "string",
    dict: "object",
    list: "array",
    bool: "boolean",
    type(None): "null",
    int: "number",
    float: "number",
}
_ATTRIBUTES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "description": (str, type(None)),
    "author": (str, type(None)),
    "website": (str, type(None)),
    "license": (str, type(None)),
    "runtime": (str, dict),
    "main": (str, type(None)),
    "config": (dict, str, type(None)),
    "stackConfigDir": (str, type(None)),
    "backend": (dict, type(None)),
    "options": (dict, type(None)),
    "template": (dict, type(None)),
    "plugins": (dict,),
    "packages": (dict,),
    "requiredPulumiVersion": (str, type(None)),
}
_NESTED_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "backend": ("url",),
    "options": ("refresh",),
    "plugins": PLUGIN_KINDS,
    "runtime": ("name", "options"),
}


def _check_attributes(raw: Mapping[str, Any]) -> None:
    for key, allowed in _ATTRIBUTES.items():
        if key in raw and not isinstance(raw[key], allowed):
            expected = " or ".join(_TYPE_NAMES[one] for one in allowed)
            raise _Invalid(f"#/{key}: expected {expected}, but got {_TYPE_NAMES.get(type(raw[key]), 'another type')}")
    for key, allowed in _NESTED_ATTRIBUTES.items():
        value = raw.get(key)
        unknown = [name for name in value if name not in allowed] if isinstance(value, dict) else []
        if unknown:
            names = ", ".join(f"'{name}'" for name in allowed)
            raise _Invalid(
                f"#/{key}: additionalProperties '{unknown[0]}' not allowed; the allowed attributes are {names}"
            )
    if "runtime" not in raw:
        raise _Invalid("project is missing a 'runtime' attribute")


def _runtime_of(value: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(value, str):
        name, options = value, {}
    else:
        name, options = value.get("name"), value.get("options") or {}
    if not isinstance(name, str) or not name or not isinstance(options, dict):
        raise _Invalid("runtime section must be a string or an object with name and options attributes")
    return name, options


def _plugins_of(root: Path, raw: Mapping[str, Any]) -> list[PluginOverride]:
    found = []
    for kind in PLUGIN_KINDS:
        for index, item in enumerate(raw.get(kind) or ()):
            if (
                not isinstance(item, dict)
                or not isinstance(item.get("name"), str)
                or not isinstance(item.get("path"), str)
            ):
                raise _Invalid(f"#/plugins/{kind}/{index}: a plugin needs a 'name' and a 'path'")
            path = root / Path(item["path"]).expanduser()
            found.append(PluginOverride(kind, item["name"], path, str(item.get("version") or "")))
    return found


_CONFIG_TYPES = ("string", "integer", "boolean", "array", "object")
_CONFIG_ATTRIBUTES = frozenset({"type", "items", "default", "value", "secret", "description"})


def _config_type(key: str, raw: Any) -> ConfigType:
    if not isinstance(raw, dict):
        return ConfigType(value=raw)
    unknown = sorted(set(raw) - _CONFIG_ATTRIBUTES)
    if unknown:
        names = ", ".join(f"'{name}'" for name in sorted(_CONFIG_ATTRIBUTES))
        raise _Invalid(
            f"#/config/{key}: additionalProperties '{unknown[0]}' not allowed; the allowed attributes are {names}"
        )
    kind = raw.get("type") or ""
    if kind and kind not in _CONFIG_TYPES:
        raise _Invalid(f"#/config/{key}/type: value must be one of {', '.join(repr(name) for name in _CONFIG_TYPES)}")
    return ConfigType(
        type=kind,
        items=raw.get("items"),
        default=raw.get("default"),
        value=raw.get("value"),
        secret=bool(raw.get("secret")),
        description=raw.get("description") or "",
    )


def _check_config_type(project: str, key: str, declared: ConfigType) -> None:
    if declared.default is not None and declared.value is not None:
        raise _Invalid(f"project config '{key}' cannot have both a 'default' and 'value' attribute")
    if ":" not in key or key.startswith(f"{project}:"):
        if declared.type == "array" and declared.items is None:
            raise _Invalid(
                f"The configuration key '{key}' declares an array but does not specify the underlying type via the 'items' attribute"
            )
        if (
            declared.type
            and declared.default is not None
            and not matches_type(declared.type, declared.items, declared.default)
        ):
            raise _Invalid(
                f"The default value specified for configuration key '{key}' is not of the expected type '{declared.type_name}'"
            )
        return
    if declared.type:
        raise _Invalid(f"Configuration key '{key}' is not namespaced by the project and should not define a type")
    if declared.default is not None:
        raise _Invalid(
            f"Configuration key '{key}' is not namespaced by the project and should not define a default value. "
            "Did you mean to use the 'value' attribute instead of 'default'?"
        )
    if declared.value is None:
        raise _Invalid(f"Configuration key '{key}' is namespaced and must provide an attribute 'value'")


def _full_type_name(kind: str, items: Mapping[str, Any] | None) -> str:
    return f"array<{_full_type_name(items.get('type') or '', items.get('items'))}>" if items else kind


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip("+-").isdecimal() and len(value) - len(value.lstrip("+-")) <= 1
    return not isinstance(value, bool) and isinstance(value, int | float) and value == math.trunc(value)


_MATCHERS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool) or value in ("true", "false"),
    "object": lambda value: isinstance(value, dict),
}


def matches_type(kind: str, items: Mapping[str, Any] | None, value: Any) -> bool:
    """Whether a configuration value is of a declared type; integers and booleans may be given as text."""
    matcher = _MATCHERS.get(kind)
    if matcher is not None:
        return matcher(value)
    if not isinstance(value, list) or not items:
        return False
    return all(matches_type(items.get("type") or "", items.get("items"), item) for item in value)


def _go_type(value: Any) -> str:
    names = {type(None): "<nil>", str: "string", list: "[]interface {}", bool: "bool", int: "int", float: "float64"}
    return names.get(type(value), type(value).__name__)
