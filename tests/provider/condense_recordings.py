"""Condense the recordings of the official plugin's statements into ``recordings.json``.

Run: ``python tests/provider/condense_recordings.py FACTS_PROVIDER_FOLDER/traces``. Kept are, by resource and phase, the
statements of the resource operations; left out is what the official plugin sends at the start of each session and at
plan time.
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("recordings.json")
START = ("SELECT 1", "SELECT CURRENT_ACCOUNT() as CURRENT_ACCOUNT", "SELECT CURRENT_SESSION() as CURRENT_SESSION")


def condense(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return resource to phase to statements."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        phases: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["op"] != "custom_diff" and row["sql"] not in START and row["phase"] != "refresh2":
                phases.setdefault(row["phase"], []).append(row["sql"])
        found[path.stem] = phases
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(condense(Path(sys.argv[1])), indent=1) + "\n", encoding="utf-8")
