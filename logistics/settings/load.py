"""Reads and checks the settings of a stack, from its file or from what Pulumi hands to a program."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from logistics.errors import SettingsError, UsageError
from logistics.settings.model import PREVIEW_FEATURES, AccountSettings, PlatformSettings, StackSettings, UserSettings
from logistics.settings.provider_keys import PROVIDER_KEYS, SECRET_KEYS
from logistics.yaml_files import load_yaml, plain

PROJECT = "logistics"
"""The project's name in Pulumi.yaml, and so the namespace of its keys."""

_SECRET = "[secret]"
_M = TypeVar("_M", bound=BaseModel)


def stacks(root: Path) -> list[str]:
    """Returns the names of the stacks that have a file, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob("Pulumi.*.yaml"))


def load_stack(root: Path, stack: str) -> StackSettings:
    """Reads `Pulumi.<stack>.yaml` under `root`.

    Raises:
        UsageError: there is no such stack.
        SettingsError: the file is wrong.
    """
    path = root / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        raise UsageError(
            f"there is no stack {stack!r}: {path.name} does not exist; stacks are {', '.join(stacks(root))}"
        )
    document = plain(load_yaml(path, root=root)).get("config")
    if not isinstance(document, dict):
        raise SettingsError(f"{path.name}: config is missing: a mapping of settings is expected")
    return settings_from(document, stack)


def settings_from(config: Mapping[str, Any], stack: str, secret_keys: frozenset[str] = frozenset()) -> StackSettings:
    """Checks a stack's configuration.

    Args:
        config: values by full key (`logistics:warehouseSize`), typed or as the text in which Pulumi hands them out.
        stack: the stack's name, for the file's name in errors.
        secret_keys: full keys whose values are never shown.

    Raises:
        SettingsError: names the file, each wrong key, its value and what is allowed.
    """
    file = f"Pulumi.{stack}.yaml"
    spaces = _by_namespace(config)
    hidden = secret_keys | {f"snowflake:{key}" for key in SECRET_KEYS}
    problems = [
        f"{key} is no key of this project"
        for key in config
        if key.partition(":")[0] not in (PROJECT, "snowflake", "pulumi")
    ]
    problems += _unknown_keys("snowflake", spaces.get("snowflake", {}), PROVIDER_KEYS)
    account = _validated(AccountSettings, "snowflake", spaces.get("snowflake", {}), hidden, problems)
    platform = _validated(PlatformSettings, PROJECT, spaces.get(PROJECT, {}), hidden, problems)
    if account is not None:
        problems += _missing_features(account)
    if problems or account is None or platform is None:
        raise SettingsError("\n".join(f"{file}: {problem}" for problem in problems))
    return StackSettings(stack=stack, file=file, account=account, platform=platform)


def _by_namespace(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    spaces: dict[str, dict[str, Any]] = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        spaces.setdefault(namespace, {})[name] = value
    return spaces


def _unknown_keys(namespace: str, values: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    return [_unknown(f"{namespace}:{key}", key, known) for key in values if key not in known]


def _unknown(full_key: str, key: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"{full_key} is an unknown key{hint}; allowed keys: {', '.join(sorted(known))}"


def _validated(
    model: type[_M], namespace: str, values: Mapping[str, Any], hidden: frozenset[str], problems: list[str]
) -> _M | None:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems += [_problem(model, namespace, dict(details), hidden) for details in error.errors()]
        return None


def _problem(model: type[BaseModel], namespace: str, details: dict[str, Any], hidden: frozenset[str]) -> str:
    location = tuple(details["loc"])
    if not location:
        return f"{namespace}:{details['msg'].removeprefix('Value error, ')}"
    owner, field = _field_at(model, location)
    key = f"{namespace}:{location[0]}" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in location[1:]
    )
    if details["type"] == "extra_forbidden":
        return _unknown(
            key, str(location[-1]), frozenset(info.alias or name for name, info in owner.model_fields.items())
        )
    allowed = allowed_values(field) or details["msg"]
    if details["type"] == "missing":
        return f"{key} is missing: allowed: {allowed}"
    shown = _SECRET if f"{namespace}:{location[0]}" in hidden else _shown(details["input"])
    return f"{key} is {shown}: allowed: {allowed}"


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _field_at(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[type[BaseModel], FieldInfo | None]:
    """Returns the section and the field that a location of a pydantic error points at."""
    owner, field = model, None
    for step in location:
        if isinstance(step, int):
            continue
        if field is not None and UserSettings in get_args(field.annotation):
            owner = UserSettings
        field = next((info for name, info in owner.model_fields.items() if step in (name, info.alias)), None)
    return owner, field


def allowed_values(field: FieldInfo | None) -> str:
    """Returns the words for what a setting may be."""
    if field is None:
        return ""
    extra = field.json_schema_extra
    words = str(extra.get("allowed", "")) if isinstance(extra, dict) else ""
    return words or ", ".join(str(choice) for choice in get_args(field.annotation))


def _missing_features(account: AccountSettings) -> list[str]:
    missing = [feature for feature in PREVIEW_FEATURES if feature not in account.preview_features_enabled]
    if not missing:
        return []
    return [
        f"snowflake:previewFeaturesEnabled is {account.preview_features_enabled}: it must name {', '.join(missing)}"
    ]
