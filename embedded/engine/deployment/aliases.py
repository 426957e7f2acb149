"""The URNs that a resource may have had before, from its aliases and its parent's.

Source: pkg/resource/deploy/step_generator.go (generateAliases) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedded.engine.deployment.goal import AliasSpec, Goal
from embedded.engine.urn import child, make, name_of, qualified_type_of


def alias_urns(goal: Goal, stack: str, project: str, used: Mapping[str, str]) -> list[str]:
    """The former URNs of a registration, the likeliest first.

    Args:
        goal: The registration.
        stack: The name of the stack.
        project: The name of the project.
        used: For each URN of this run that took over an old one: the old one.
    """
    found: dict[str, None] = {}
    for alias in goal.aliases:
        for urn in _resolve(alias, goal, stack, project, used):
            found[urn] = None
    inherited = used.get(goal.parent)
    if inherited:
        found[child(stack, project, inherited, goal.type, _child_name(goal.name, goal.parent, inherited))] = None
    return list(found)


def _resolve(alias: AliasSpec, goal: Goal, stack: str, project: str, used: Mapping[str, str]) -> list[str]:
    if alias.urn:
        return [alias.urn]
    parent = "" if alias.no_parent else alias.parent or goal.parent
    name = alias.name or goal.name
    parts = (alias.stack or stack, alias.project or project)
    urns = [make(*parts, qualified_type_of(parent) if parent else "", alias.type or goal.type, name)]
    former = used.get(parent)
    if former:
        inherited_name = name if alias.name else _child_name(name, parent, former)
        urns.append(make(*parts, qualified_type_of(former), alias.type or goal.type, inherited_name))
    return urns


def _child_name(name: str, parent: str, former_parent: str) -> str:
    """A child's name under its parent's former one: most children are named after their parent."""
    prefix = name_of(parent)
    return name_of(former_parent) + name[len(prefix) :] if name.startswith(prefix) else name
