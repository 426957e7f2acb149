"""Rewriting URNs in the JSON of a state, when a stack or a resource gets another name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded.engine import urn as urns

_URN_FIELDS = ("urn", "parent", "deletedWith", "viewOf")
_URN_LIST_FIELDS = ("dependencies", "aliases", "replaceWith")


def rewrite_urns(deployment: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The deployment with each URN of its resources and pending operations changed."""
    result = dict(deployment)
    if "resources" in deployment:
        result["resources"] = [_rewrite(resource, change) for resource in deployment["resources"] or ()]
    if "pending_operations" in deployment:
        result["pending_operations"] = [
            {**operation, "resource": _rewrite(operation["resource"], change)}
            for operation in deployment["pending_operations"] or ()
        ]
    return result


def _rewrite(resource: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    result = dict(resource)
    for field in _URN_FIELDS:
        if result.get(field):
            result[field] = change(result[field])
    for field in _URN_LIST_FIELDS:
        if result.get(field):
            result[field] = [change(urn) for urn in result[field]]
    if result.get("propertyDependencies"):
        result["propertyDependencies"] = {
            name: [change(urn) for urn in found or ()] for name, found in result["propertyDependencies"].items()
        }
    if result.get("provider"):
        urn, _, id_ = result["provider"].rpartition("::")
        result["provider"] = f"{change(urn)}::{id_}"
    return result


def rename_stack(deployment: dict[str, Any], old_stack: str, stack: str, project: str) -> dict[str, Any]:
    """The deployment with the stack (and the project, unless empty) in each URN changed, the Stack resource's name too."""

    def change(urn: str) -> str:
        parts = urns.parse(urn)
        if parts.stack != old_stack:
            return urn
        in_project = project or parts.project
        name = f"{in_project}-{stack}" if parts.qualified_type == urns.ROOT_STACK_TYPE else parts.name
        return str(urns.Urn(stack, in_project, parts.qualified_type, name))

    return rewrite_urns(deployment, change)
