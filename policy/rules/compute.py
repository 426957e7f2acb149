"""Rules of what runs and what it costs: warehouses, monitors, tasks."""

from __future__ import annotations

from collections.abc import Iterator

from rules.model import UNKNOWN, Config, Resource, Rule, by_pattern, is_set, number

SIZES = ("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE", "X4LARGE", "X5LARGE", "X6LARGE")
_ALIASES = {
    "2XLARGE": "XXLARGE",
    "3XLARGE": "XXXLARGE",
    "4XLARGE": "X4LARGE",
    "5XLARGE": "X5LARGE",
    "6XLARGE": "X6LARGE",
}
_MAX_TASK_MS = 604_800_000
_FULL_QUOTA = 100


def size_rank(size: str) -> int | None:
    """Returns a size's place in Snowflake's order, in any of its spellings; None for a word that is no size."""
    text = size.upper().replace("-", "").replace("_", "").strip("'\"")
    text = _ALIASES.get(text, text)
    return SIZES.index(text) if text in SIZES else None


def _auto_suspend(warehouse: Resource, config: Config) -> Iterator[str]:
    most, given = config["maxSeconds"], warehouse.props.get("autoSuspend")
    if given is UNKNOWN:
        return
    seconds = number(given)
    if seconds is None or seconds <= 0:
        yield f"{warehouse.label} never suspends by itself: set auto_suspend to at most {most} s"
    elif seconds > most:
        yield f"{warehouse.label} suspends after {seconds} s, allowed are {most} s"
    if str(warehouse.props.get("autoResume", "default")).lower() == "false":
        yield f"{warehouse.label} does not resume by itself: what is asked of it fails once it is suspended"


def _size(warehouse: Resource, config: Config) -> Iterator[str]:
    most = by_pattern(config["maxSizeByName"], warehouse.label, config["maxSize"])
    given = warehouse.props.get("warehouseSize") or "XSMALL"
    if given is UNKNOWN:
        return
    rank, limit = size_rank(str(given)), size_rank(most)
    if rank is None or limit is None:
        yield f"{warehouse.label}: {given if rank is None else most!r} is no size of a warehouse"
    elif rank > limit:
        yield f"{warehouse.label} is {given}, allowed is {most} ({2 ** (rank - limit)} times the credits an hour)"


def _clusters(warehouse: Resource, config: Config) -> Iterator[str]:
    most = by_pattern(config["maxClustersByName"], warehouse.label, config["maxClusters"])
    clusters = number(warehouse.props.get("maxClusterCount")) or 1
    if clusters > most:
        yield f"{warehouse.label} grows to {clusters} clusters, allowed are {most}"


def _monitored(warehouse: Resource, config: Config) -> Iterator[str]:
    if config["required"] and not is_set(warehouse.props.get("resourceMonitor")):
        yield f"{warehouse.label} is under no resource monitor: nothing stops what it spends"


def _monitor_stops(monitor: Resource, config: Config) -> Iterator[str]:
    quota = number(monitor.props.get("creditQuota"))
    triggers = [number(monitor.props.get(key)) for key in ("suspendTrigger", "suspendImmediateTrigger")]
    if quota is None and monitor.props.get("creditQuota") is not UNKNOWN:
        yield f"{monitor.label} has no credit quota"
    elif quota is not None and quota > config["maxCredits"]:
        yield f"{monitor.label} allows {quota} credits, allowed are {config['maxCredits']}"
    if not any(trigger is not None and trigger <= _FULL_QUOTA for trigger in triggers):
        yield f"{monitor.label} suspends nothing at or below 100 % of its quota: it only tells"


def _task_timeout(task: Resource, config: Config) -> Iterator[str]:
    given = task.props.get("userTaskTimeoutMs")
    milliseconds, most = number(given), config["maxSeconds"]
    # Where the program sets none the plugin reads what Snowflake has, which a preview does not know.
    if milliseconds is None or milliseconds == 0:
        yield f"{task.label} has no user_task_timeout_ms of its own: set at most {most} s"
    elif milliseconds > most * 1000 or milliseconds > _MAX_TASK_MS:
        yield f"{task.label} may run {milliseconds // 1000} s, allowed are {most} s"


def _task_errors(task: Resource, config: Config) -> Iterator[str]:
    needed = config["required"] and not (task.is_local and config["localIsExempt"])
    if needed and not task.text("predecessors") and not is_set(task.props.get("errorIntegration")):
        yield f"{task.label} has no error integration: nobody is told when it fails"


_NAMED = {"type": "object", "additionalProperties": True}

RULES = (
    Rule(
        name="warehouse-auto-suspend",
        what="A warehouse suspends by itself within the environment's bound, and resumes by itself.",
        why="An idle warehouse is paid for by the second; one that does not resume fails whoever asks it.",
        mend="Lower logistics:autoSuspendSeconds in the stack file, or auto_suspend of the warehouse in components/compute.py.",
        kinds=frozenset({"Warehouse"}),
        check=_auto_suspend,
        schema={"maxSeconds": {"type": "integer", "minimum": 1, "default": 60}},
    ),
    Rule(
        name="warehouse-size",
        what="A warehouse is no larger than the environment allows.",
        why="Each size doubles the credits an hour.",
        mend="Take the smaller size in the stack file; if the larger one is meant, raise the bound in policy/environments.",
        kinds=frozenset({"Warehouse"}),
        check=_size,
        schema={
            "maxSize": {"type": "string", "default": "X-SMALL"},
            "maxSizeByName": {**_NAMED, "default": {}},
        },
    ),
    Rule(
        name="warehouse-clusters",
        what="A warehouse grows to no more clusters than the environment allows.",
        why="Each cluster costs as much as the first.",
        mend="Lower max_cluster_count (logistics:multiClusterMaxClusters), or raise the bound in policy/environments.",
        kinds=frozenset({"Warehouse"}),
        check=_clusters,
        schema={
            "maxClusters": {"type": "integer", "minimum": 1, "default": 1},
            "maxClustersByName": {**_NAMED, "default": {}},
        },
    ),
    Rule(
        name="warehouse-monitored",
        what="Every warehouse is under a resource monitor.",
        why="A runaway query spends until somebody looks.",
        mend="Give the warehouse resource_monitor, such as daily_cost_monitor.",
        kinds=frozenset({"Warehouse"}),
        check=_monitored,
        schema={"required": {"type": "boolean", "default": True}},
    ),
    Rule(
        name="monitor-stops",
        what="A resource monitor has a quota within the bound, and suspends at or below 100 % of it.",
        why="A monitor that only tells stops nothing.",
        mend="Set suspend_trigger, and logistics:dailyCreditQuota within the bound.",
        kinds=frozenset({"ResourceMonitor"}),
        check=_monitor_stops,
        schema={"maxCredits": {"type": "integer", "minimum": 1, "default": 100}},
    ),
    Rule(
        name="task-timeout",
        what="A task has a timeout of its own, within the bound.",
        why="A task that hangs holds its warehouse awake and its stream back.",
        mend="Set user_task_timeout_ms (logistics:taskTimeoutSeconds).",
        kinds=frozenset({"Task"}),
        check=_task_timeout,
        schema={"maxSeconds": {"type": "integer", "minimum": 1, "default": 3600}},
        severity="medium",
    ),
    Rule(
        name="task-error-integration",
        what="A root task names the notification integration that tells of its failures.",
        why="A task that fails at night is else found in the morning, by who reads stale numbers.",
        mend="Make a queue and its notification integration (docs/real-account.md) and name it: logistics:taskErrorIntegration.",
        kinds=frozenset({"Task"}),
        check=_task_errors,
        schema={
            "required": {"type": "boolean", "default": True},
            "localIsExempt": {"type": "boolean", "default": True},
        },
        severity="medium",
    ),
)
