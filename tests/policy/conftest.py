"""The rules of the policy pack, imported as the pack imports them: with its own folder as the only root."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "policy"))
