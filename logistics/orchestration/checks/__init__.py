"""The checks of an environment's health, each a function that yields what is wrong and returns what it saw."""

from __future__ import annotations

from logistics.orchestration.checks.run import CHECKS, Check, run_checks
from logistics.orchestration.checks.site import Site, open_site

__all__ = ["CHECKS", "Check", "Site", "open_site", "run_checks"]
