"""What the program declares about an environment, written beside the app: names, quota, users, models, who sees what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE_VARIABLE = "LOGISTICS_DASHBOARD_DECLARED"
"""Names the file; without it, it lies beside the app, as on the stage in Snowflake."""
_BESIDE_THE_APP = Path(__file__).resolve().parents[1] / "declared.json"


def declared() -> Mapping[str, Any]:
    """Returns the declared facts by name; see `logistics.dashboard.bundle` for what they are."""
    path = Path(os.environ.get(FILE_VARIABLE) or _BESIDE_THE_APP)
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
