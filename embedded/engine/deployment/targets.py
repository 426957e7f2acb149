"""`--target`, `--exclude` and `--replace`: which resources they name.

A pattern is a URN in which `*` stands for anything within a part and `**` for anything at all.

Source: pkg/resource/deploy/target.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from embedded.engine.state import Resource


class UrnPatterns:
    """A list of URNs and globs; empty means that nothing was said."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._literals = [pattern for pattern in patterns if "*" not in pattern]
        self._globs = [(pattern, _regex(pattern)) for pattern in patterns if "*" in pattern]
        self._added: set[str] = set()

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return bool(self._literals or self._globs)

    def matches(self, urn: str) -> bool:
        """Whether the URN is named, or was added."""
        if urn in self._literals or urn in self._added:
            return True
        return any(regex.fullmatch(urn) for _, regex in self._globs)

    def add(self, urn: str) -> None:
        """Count a URN as named from now on."""
        self._added.add(urn)

    def unmatched(self, urns: Iterable[str]) -> list[str]:
        """The URNs that name nothing among the given ones; globs may match nothing."""
        known = set(urns)
        return [literal for literal in self._literals if literal not in known]


def depends_on_itself(resource: Resource, references: Callable[[str], list[str]]) -> bool:
    """Whether a resource refers to itself over what it refers to; `references` are those of a URN."""
    queue, seen = resource.references(), set[str]()
    while queue:
        urn = queue.pop()
        if urn == resource.urn:
            return True
        if urn not in seen:
            seen.add(urn)
            queue.extend(references(urn))
    return False


def cycle_text(urn: str) -> str:
    """What is told of a resource that would depend on itself."""
    return (
        f"Resource '{urn}' would depend on a resource that was not specified in --target list, and that depends on it until it is "
        "updated too: add that one to the targets, or run without them."
    )


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", pattern)
    wildcards = {"**": ".*", "*": "[^:]*"}
    return re.compile("".join(wildcards.get(part) or re.escape(part) for part in parts), re.DOTALL)
