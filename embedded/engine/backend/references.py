"""Stack references: `STACK`, `organization/STACK` or `organization/PROJECT/STACK`.

Source: pkg/backend/diy/store.go of Pulumi.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from embedded.engine.errors import EngineError

ORGANIZATION = "organization"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_NAME_LENGTH = 100


@dataclass(frozen=True, order=True)
class StackReference:
    """A stack of a project; `project` is empty in the legacy layout, which knows no projects."""

    project: str
    name: str

    @property
    def qualified_name(self) -> str:
        """The name in full: `organization/PROJECT/STACK`, or the bare name in the legacy layout."""
        return f"{ORGANIZATION}/{self.project}/{self.name}" if self.project else self.name

    def display_name(self, current_project: str, qualify: bool = False) -> str:
        """The name as listings print it: bare within the current project."""
        return self.name if self.project in ("", current_project) and not qualify else self.qualified_name


def parse_reference(text: str, current_project: str) -> StackReference:
    """The stack that a text names.

    Args:
        text: What the user wrote.
        current_project: The project in the working directory; empty outside any.

    Raises:
        EngineError: The text names no stack, or not without a project.
    """
    if not text:
        raise EngineError("stack name must not be empty")
    parts = text.split("/")
    if len(parts) > 3:
        raise EngineError(f"could not parse stack name '{text}' (expected STACK or organization/PROJECT/STACK)")
    if len(parts) > 1 and parts[0] != ORGANIZATION:
        raise EngineError("organization name must be 'organization'")
    project = parts[1] if len(parts) == 3 else current_project
    if not project:
        raise EngineError(
            "no Pulumi.yaml project file found; either run this command from a directory containing a Pulumi project, "
            "or pass the fully qualified stack name (organization/project/stack)"
        )
    check_project_name(project)
    check_stack_name(parts[-1])
    return StackReference(project, parts[-1])


def check_project_name(name: str) -> None:
    """Refuse a name that no project may have.

    Raises:
        EngineError: It is too long or has characters that are not allowed.
    """
    if len(name) > _MAX_NAME_LENGTH:
        raise EngineError("project names are limited to 100 characters")
    if not _NAME.fullmatch(name):
        raise EngineError("project names may only contain alphanumerics, hyphens, underscores, and periods")


def check_stack_name(name: str) -> None:
    """Refuse a name that no stack may have.

    Raises:
        EngineError: It is empty, too long or has characters that are not allowed.
    """
    if not name:
        raise EngineError("a stack name may not be empty")
    if len(name) > _MAX_NAME_LENGTH:
        raise EngineError("a stack name cannot exceed 100 characters")
    if not _NAME.fullmatch(name):
        raise EngineError(f"a stack name may only contain alphanumeric, hyphens, underscores, or periods: '{name}'")
