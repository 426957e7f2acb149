"""The dashboard's files, with what is declared about an environment written beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.declarations import Declarations, load_declarations, local_name
from logistics.settings import PlatformSettings, StackSettings
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
    """The files by their path under the app's folder, and the folder on the stage for exactly these."""

    files: Mapping[str, bytes]
    version: str


def bundle(root: Path, settings: StackSettings) -> Bundle:
    """Returns what Snowflake needs to run the dashboard of an environment; no secret and no user's address is in it.

    Raises:
        ContractError, SqlFileError, SettingsError: a file of the project is wrong.
    """
    declarations = load_declarations(root, settings)
    told = as_json(facts(root, settings.platform, declarations))
    return Bundle(app_files(root) | {DECLARED_FILE: told}, version(root, settings.platform, declarations))


def version(root: Path, platform: PlatformSettings, declarations: Declarations) -> str:
    """Returns twelve hexadecimal digits over all that a bundle is made of: an older version stays in its own folder."""
    digest = hashlib.sha256()
    parts = app_files(root) | {
        "platform": as_json(_named(platform)),
        "nodes": as_json({"nodes": list(_nodes(declarations, platform.database))}),
        "truth": (root / _TRUTH_TABLE).read_bytes(),  # as it is: reading it as YAML would slow each preview down
    }
    for path, content in sorted(parts.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def app_files(root: Path) -> dict[str, bytes]:
    """Returns the app's own files by path."""
    folder = root / APP_FOLDER
    found = sorted(path for pattern in _PARTS for path in folder.rglob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def facts(root: Path, platform: PlatformSettings, declarations: Declarations) -> dict[str, Any]:
    """Returns what the pages need to know that no query tells: names, quota, models and their order, who sees what."""
    return _named(platform) | {
        "nodes": list(_nodes(declarations, platform.database)),
        "who_sees_what": list(_who_sees_what(plain(load_yaml(root / _TRUTH_TABLE, root=root)))),
        "users": [],
    }


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


def _named(platform: PlatformSettings) -> dict[str, Any]:
    return {
        "environment": platform.environment,
        "database": platform.database,
        "warehouse": platform.warehouse,
        "daily_credit_quota": platform.daily_credit_quota,
        "credit_price_usd": str(platform.credit_price_usd),
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
