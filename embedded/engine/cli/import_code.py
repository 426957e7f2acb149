"""Python code that declares imported resources."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from embedded.engine import urn as urns
from embedded.engine.cli.deployments import plain_json

_INDENT = "    "


def program_text(resources: list[dict[str, Any]], names: Mapping[str, str] | None = None) -> str:
    """A program that declares the resources with their recorded inputs.

    Args:
        resources: Their JSON in the state; secrets are taken from the configuration.
        names: The program's variables for URNs of parents and providers that are not among the resources.
    """
    packages = sorted({urns.package_of(item["type"]) for item in resources if item.get("custom")})
    lines = ["import pulumi"]
    lines.extend(f"import pulumi_{package.replace('-', '_')} as {_identifier(package)}" for package in packages)
    variables = {urn: _identifier(name) for urn, name in (names or {}).items()}
    for item in resources:
        variables[item["urn"]] = _free_name(_identifier(urns.name_of(item["urn"])), set(variables.values()))
    for item in resources:
        lines.append("")
        lines.append(_declaration(item, variables))
    return "\n".join(lines) + "\n"


def _declaration(resource: dict[str, Any], variables: dict[str, str]) -> str:
    arguments = [repr(urns.name_of(resource["urn"]))]
    for name, value in (resource.get("inputs") or {}).items():
        if not name.startswith("__"):
            secret = f"{urns.name_of(resource['urn'])}-{name}"
            arguments.append(f"{_snake(name)}={_literal(plain_json(value, None), 1, secret)}")
    if options := _options(resource, variables):
        arguments.append(f"opts=pulumi.ResourceOptions({options})")
    body = f",\n{_INDENT}".join(arguments)
    return f"{variables[resource['urn']]} = {_class_of(resource['type'])}({body})"


def _options(resource: dict[str, Any], variables: dict[str, str]) -> str:
    options = []
    if resource.get("parent") in variables:
        options.append(f"parent={variables[resource['parent']]}")
    provider = (resource.get("provider") or "").rpartition("::")[0]
    if provider in variables:
        options.append(f"provider={variables[provider]}")
    if resource.get("protect"):
        options.append("protect=True")
    return ", ".join(options)


def _class_of(type_: str) -> str:
    """The class of a token: `pkg:index/thing:Thing` is `pkg.Thing`, `pkg:mod/thing:Thing` is `pkg.mod.Thing`."""
    package, module, name = type_.split(":", 2) if type_.count(":") >= 2 else (type_, "", type_)
    module = module.partition("/")[0]
    parts = [_identifier(package), *([] if module in ("", "index") else [_identifier(module)]), name]
    return ".".join(parts)


def _literal(value: Any, depth: int, secret: str) -> str:
    """The value's text; a secret is asked of the configuration, by a key that says where it belongs."""
    inner, outer = _INDENT * (depth + 1), _INDENT * depth
    if isinstance(value, dict) and value:
        items = ",\n".join(
            f"{inner}{_snake(key)!r}: {_literal(item, depth + 1, f'{secret}-{key}')}" for key, item in value.items()
        )
        return f"{{\n{items},\n{outer}}}"
    if isinstance(value, list) and value:
        numbered = enumerate(value)
        items = ",\n".join(f"{inner}{_literal(item, depth + 1, f'{secret}-{index}')}" for index, item in numbered)
        return f"[\n{items},\n{outer}]"
    return f"pulumi.Config().require_secret({secret!r})" if value == "[secret]" else repr(value)


def _snake(name: str) -> str:
    """`autoSuspend` as `auto_suspend`, as the Python SDKs name properties."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)).lower()
    return f"{text}_" if keyword.iskeyword(text) else text


def _identifier(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "resource"
    return f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
