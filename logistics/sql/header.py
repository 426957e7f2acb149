"""What a SQL file says of itself, in the comment lines at its head."""

from __future__ import annotations

from pathlib import Path

import yaml

from logistics.errors import SqlFileError


def header(text: str, file: Path, keys: frozenset[str]) -> dict:
    """Reads the `-- key: value` lines at the head of a file, which are YAML; `comment` must be among them.

    Raises:
        SqlFileError: they are no YAML, or say something else than `keys`.
    """
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").removeprefix(" "))
    allowed = ", ".join(sorted(keys - {"comment"}))
    try:
        found = yaml.safe_load("\n".join(lines)) or {}
    except yaml.YAMLError:
        raise SqlFileError(file, 1, f"the comment lines at the head must be YAML: comment, {allowed}") from None
    if not isinstance(found, dict) or not set(found) <= keys or not found.get("comment"):
        raise SqlFileError(file, 1, f"the comment lines at the head must give comment and may give {allowed}")
    return {**found, "comment": " ".join(str(found["comment"]).split())}
