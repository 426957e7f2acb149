"""The dashboard's files, with what is declared about an environment written beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.declarations import Declarations, load_declarations, local_name
from logistics.settings import StackSettings
from logistics.yaml_files import load_yaml, plain

APP_FOLDER = "dashboard"
MAIN_FILE = "app.py"
DECLARED_FILE = "declared.json"
STAGE = "DASHBOARD_FILES"
"""The stage in MONITORING that the files lie on."""
_TRUTH_TABLE = Path("docs/who_sees_what.yaml")
_PARTS = ("*.py", "*.yml", "*.toml")


@dataclass(frozen=True)
class Bundle:
    """The files by their path under the app's folder, and a name for exactly these."""

    files: Mapping[str, bytes]

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits over paths and contents: the folder on the stage, so that an older version stays."""
        digest = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]


def bundle(root: Path, settings: StackSettings) -> Bundle:
    """Returns what Snowflake needs to run the dashboard of an environment; no secret and no user's address is in it.

    Raises:
        ContractError, SqlFileError, SettingsError: a file of the project is wrong.
    """
    return Bundle(app_files(root) | {DECLARED_FILE: as_json(facts(root, settings))})


def bundle_of(root: Path, settings: StackSettings, declarations: Declarations) -> Bundle:
    """Returns the same from declarations that were read before."""
    return Bundle(app_files(root) | {DECLARED_FILE: as_json(_facts(root, settings.platform, declarations))})


def app_files(root: Path) -> dict[str, bytes]:
    """Returns the app's own files by path."""
    folder = root / APP_FOLDER
    found = sorted(path for pattern in _PARTS for path in folder.rglob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def facts(root: Path, settings: StackSettings) -> dict[str, Any]:
    """Returns what the pages need to know that no query tells: names, quota, models and their order, who sees what."""
    return _facts(root, settings.platform, load_declarations(root, settings))


def users(settings: StackSettings) -> list[dict[str, str]]:
    """Returns the users that may sign in: those with an address."""
    return [
        {"email": user.email, "user": settings.platform.named(user.name), "role": user.role}
        for user in settings.platform.users
        if user.email
    ]


def as_json(told: Mapping[str, Any]) -> bytes:
    """Returns facts as the app reads them, the same facts always the same bytes."""
    return json.dumps(told, indent=1, sort_keys=True, default=str).encode()


def _facts(root: Path, platform: Any, declarations: Declarations) -> dict[str, Any]:
    return {
        "environment": platform.environment,
        "database": platform.database,
        "warehouse": platform.warehouse,
        "daily_credit_quota": platform.daily_credit_quota,
        "credit_price_usd": str(platform.credit_price_usd),
        "nodes": list(_nodes(declarations, platform.database)),
        "who_sees_what": list(_who_sees_what(plain(load_yaml(root / _TRUTH_TABLE, root=root)))),
        "users": [],
    }


def _nodes(declarations: Declarations, database: str) -> Iterable[dict[str, Any]]:
    """Yields each table and view with what it reads of the others."""
    models, views = declarations.models.models, declarations.sql.views
    known = {*models, *declarations.tables, *views}
    for name in sorted(known):
        contract = declarations.tables.get(name) or (models[name].contract if name in models else None)
        reads = models[name].reads if name in models else views[name].reads if name in views else ()
        yield {
            "name": name,
            "kept": models[name].contract.materialization if name in models else "view" if name in views else "table",
            "comment": (contract.comment if contract else views[name].comment) or "",
            "reads": sorted({local_name(read, database) for read in reads} & known),
            "protected_by": (contract.row_access_policy if contract else None) or "",
            "columns": [
                {
                    "column": column.name,
                    "type": str(column.type),
                    "pii": column.pii or "",
                    "comment": column.comment or "",
                }
                for column in (contract.columns if contract else ())
            ],
        }


def _who_sees_what(truth: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    """Yields what each role sees of each object."""
    for name, about in truth["objects"].items():
        rows = truth["access"][about["access"]]["rows"]
        for role in truth["roles"]:
            yield {"object": name, "role": role, "rows": rows.get(role, "denied")}
