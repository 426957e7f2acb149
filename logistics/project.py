"""Where the project lies, and the folder under it for what belongs to this machine alone."""

from __future__ import annotations

import os
from pathlib import Path

from logistics.errors import UsageError

LOCAL_FOLDER = ".local"
ROOT_VARIABLE = "LOGISTICS_ROOT"
"""Names the project's folder where the command is run from outside of it."""


def project_root() -> Path:
    """Returns the folder of Pulumi.yaml: of LOGISTICS_ROOT, else the nearest one from the working folder upwards.

    Raises:
        UsageError: there is none.
    """
    named = os.environ.get(ROOT_VARIABLE)
    start = Path(named) if named else Path.cwd()
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "sql").is_dir():
            return folder.resolve()
    raise UsageError(f"{start} lies in no project: run this in the folder of Pulumi.yaml, or set {ROOT_VARIABLE}")


def local_folder(root: Path) -> Path:
    """Returns `.local`, made if need be; nobody else may look into it."""
    folder = root / LOCAL_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
