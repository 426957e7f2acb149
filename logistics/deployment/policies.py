"""The policy pack of a run: its settings for the environment, and the state before, which a pack is not told of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.errors import LogisticsError, UsageError
from logistics.project import local_folder
from logistics.settings import StackSettings

_COMPARING = ("protection-not-weakened", "approvals-are-current")
"""The policies that are handed the state before, and the approvals of the stack file."""
_MONITORED = "warehouse-monitored"
"""The policy that asks for a monitor on each warehouse, where no monitor of the account watches them all."""
_COLOUR = re.compile(r"<\{%.*?%\}>")
"""How the engine marks colours in what its events say."""


@dataclass(frozen=True, kw_only=True)
class PackRun:
    """A pack's folder and the file of its settings, as `pulumi --policy-pack` and `--policy-pack-config` take them."""

    folder: Path
    config: Path

    @property
    def arguments(self) -> list[str]:
        """The command line's arguments."""
        return ["--policy-pack", str(self.folder), "--policy-pack-config", str(self.config)]


def prepare_pack(root: Path, settings: StackSettings, deployment: Mapping[str, Any]) -> PackRun | None:
    """Writes the pack's settings for a run; returns None where the project has no pack.

    Args:
        root: the project's folder.
        settings: the stack's settings; they say which environment's bounds hold, and what is approved.
        deployment: the state before, as `pulumi stack export` has it under `deployment`, secrets encrypted.

    Raises:
        UsageError: the pack's own environment was not made, or its settings are no JSON.
    """
    folder = root / "policy"
    if not (folder / "PulumiPolicy.yaml").is_file():
        return None
    if not (root / ".venv" / "policy" / "bin" / "python").exists():
        raise UsageError("the policy pack has no environment yet: run make policy")
    place = local_folder(root) / "policy"
    place.mkdir(mode=0o700, exist_ok=True)
    before, config = place / f"{settings.stack}.before.json", place / f"{settings.stack}.json"
    before.write_text(json.dumps({"resources": list(_told(deployment))}), encoding="utf-8")
    given = _bounds(folder / "environments" / f"{settings.platform.environment}.json")
    approved = settings.platform.approved_weakenings
    for policy in _COMPARING:
        entry = given.get(policy, {})
        entry = {"enforcementLevel": entry} if isinstance(entry, str) else entry
        given[policy] = entry | {"before": str(before), "approved": approved}
    if settings.platform.cost_monitor == "account":
        given[_MONITORED] = {"required": False}
    config.write_text(json.dumps(given), encoding="utf-8")
    return PackRun(folder=folder, config=config)


def _told(deployment: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Yields type, name and inputs of the resources that stand; a pending deletion protects nothing any more."""
    for resource in deployment.get("resources") or ():
        if resource["type"].startswith("snowflake:") and not resource.get("delete"):
            name = resource["urn"].rpartition("::")[2]
            yield {"type": resource["type"], "name": name, "inputs": resource.get("inputs") or {}}


def _bounds(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}  # the rules' own defaults hold: production's
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path.name} is no JSON: {error}") from None


def refusal(events: Iterable[Any]) -> LogisticsError | None:
    """Returns what the mandatory policies object to in a run's events; None where they do not."""
    told = [event.policy_event for event in events if event.policy_event]
    lines = {f"{event.policy_name}: {_last(event.message)}" for event in told if event.enforcement_level == "mandatory"}
    return LogisticsError("the policy pack refuses this change:\n" + "\n".join(sorted(lines))) if lines else None


def warnings(events: Iterable[Any]) -> list[str]:
    """Returns what the advisory policies say, a line each."""
    told = [event.policy_event for event in events if event.policy_event]
    return sorted(
        {f"{event.policy_name}: {_last(event.message)}" for event in told if event.enforcement_level == "advisory"}
    )


def _last(message: str) -> str:
    """Returns what was reported, without the rule's description that the engine puts before it."""
    return " ".join(uncoloured(message).strip().splitlines()[-1].split())


def uncoloured(message: str) -> str:
    """Returns an event's message without the tags that Pulumi marks its colours with."""
    return _COLOUR.sub("", message)
