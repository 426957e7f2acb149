"""Checks of the account: connection, privileges, warehouses, resource monitors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from logistics.orchestration.checks.problems import Looked, Problem
from logistics.orchestration.checks.site import Site
from logistics.orchestration.findings import CRITICAL, WARNING
from logistics.sql import quoted

SLOW_SECONDS = 3.0
"""An answer to `select 1` that takes longer is a warning."""
_ON_ACCOUNT = ("CREATE DATABASE", "CREATE ROLE", "CREATE USER", "CREATE WAREHOUSE", "MANAGE GRANTS")
_HAS_ALL = "ACCOUNTADMIN"
_WAREHOUSES = {"environment": "", "xs": "compute_wh_xs", "multi": "compute_wh_multi"}


def connection(site: Site) -> Looked:
    """Whether the account answers, as whom, and how fast."""
    began = time.monotonic()
    asked = "SELECT CURRENT_VERSION() AS VERSION, CURRENT_USER() AS USER_NAME, CURRENT_ROLE() AS ROLE_NAME"
    found = site.rows(asked)[0]
    seconds = time.monotonic() - began
    said = f"{site.settings.account.account} {found['version']} answers {found['user_name']} as {found['role_name']} in {seconds:.2f} s"
    if seconds > SLOW_SECONDS:
        yield Problem(
            WARNING, evidence=said, recommendation="look at the network, and at status.snowflake.com", value=30
        )
    return said


def privileges(site: Site) -> Looked:
    """Whether the deploying role and the platform's roles hold what they need on the account."""
    role = site.settings.account.role.upper()
    held = _account_privileges(site, role)
    missing = [] if role == _HAS_ALL else [name for name in _ON_ACCOUNT if name not in held]
    if missing:
        yield Problem(
            CRITICAL,
            subject=role,
            evidence=f"lacks {', '.join(missing)} on the account",
            recommendation=f"GRANT {', '.join(missing)} ON ACCOUNT TO ROLE {role}, as {_HAS_ALL}",
        )
    for name, contract in site.declared.access.roles.items():
        yield from _of_role(site, site.settings.platform.named(name), contract.account_privileges)
    return f"{role} and {len(site.declared.access.roles)} roles hold what they need"


def _of_role(site: Site, role: str, needed: list[str]) -> Iterator[Problem]:
    if not site.rows(f"SHOW ROLES LIKE '{role}'"):
        yield Problem(
            CRITICAL, subject=role, evidence="the role is gone", recommendation="logistics deploy makes it again"
        )
        return
    held = _account_privileges(site, role) if needed else set()
    missing = [name for name in needed if name not in held]
    if missing:
        yield Problem(
            CRITICAL,
            subject=role,
            evidence=f"lacks {', '.join(missing)} on the account: its tasks cannot run",
            recommendation="logistics drift --revert grants it again",
        )


def _account_privileges(site: Site, role: str) -> set[str]:
    grants = site.rows(f"SHOW GRANTS TO ROLE {quoted(role)}")
    return {grant["privilege"] for grant in grants if grant["granted_on"] == "ACCOUNT"}


def warehouses(site: Site) -> Looked:
    """Whether the warehouses are there as declared, and whether statements wait for them."""
    platform = site.settings.platform
    found = {row["name"]: row for row in site.rows("SHOW WAREHOUSES")}
    names = {kind: platform.named(name) if name else platform.warehouse for kind, name in _WAREHOUSES.items()}
    for kind, name in names.items():
        if name not in found:
            yield Problem(
                CRITICAL,
                subject=name,
                evidence="the warehouse is gone",
                recommendation="logistics deploy makes it again"
                if site.settings.platform.cost_monitor == "deployed"
                else "an administrator makes it again: sql/account/cost_monitor.sql",
            )
            continue
        yield from _as_declared(site, kind, found[name])
        if int(found[name]["queued"] or 0) > 0:
            yield Problem(
                WARNING,
                subject=name,
                evidence=f"{found[name]['queued']} statements wait, {found[name]['running']} run",
                recommendation="logistics optimize says whether it needs more clusters or another size",
                value=45,
            )
    return f"{', '.join(names.values())} are as declared, nothing waits"


def _as_declared(site: Site, kind: str, row: dict[str, Any]) -> Iterator[Problem]:
    platform = site.settings.platform
    own_suspend, more = {
        "environment": (
            platform.warehouse_auto_suspend_seconds,
            {
                "size": platform.warehouse_size,
                "max_cluster_count": platform.warehouse_max_clusters,
                **(
                    {"resource_monitor": platform.named("daily_cost_monitor")}
                    if platform.cost_monitor == "deployed"
                    else {}
                ),
            },
        ),
        "xs": (platform.xs_auto_suspend_seconds, {}),
        "multi": (
            platform.multi_cluster_auto_suspend_seconds,
            {"size": platform.multi_cluster_size, "max_cluster_count": platform.multi_cluster_max_clusters},
        ),
    }[kind]
    wanted = {"auto_suspend": own_suspend or platform.auto_suspend_seconds, "auto_resume": "true", **more}
    for key, value in wanted.items():
        if str(row[key]).upper() != str(value).upper():
            yield Problem(
                CRITICAL if key in ("resource_monitor", "auto_resume") else WARNING,
                subject=row["name"],
                evidence=f"{key} is {row[key]}, declared {value}",
                recommendation="logistics drift --revert sets it back",
                value=70 if key == "resource_monitor" else 40,
            )


def monitors(site: Site) -> Looked:
    """Whether the cost monitor is there as declared, and how much of its quota is used."""
    name = site.settings.platform.named("daily_cost_monitor")
    row = next((row for row in site.rows("SHOW RESOURCE MONITORS") if row["name"] == name), None)
    if row is None:
        yield Problem(
            CRITICAL,
            subject=name,
            evidence="it is gone: nothing bounds the spend",
            recommendation="logistics deploy makes it again",
        )
        return ""
    quota, used = float(row["credit_quota"] or 0), float(row["used_credits"] or 0)
    declared = site.settings.platform.daily_credit_quota
    if quota != declared:
        yield Problem(
            WARNING,
            subject=name,
            evidence=f"its quota is {quota:g} credits, declared {declared}",
            recommendation="logistics drift --revert sets it back",
        )
    said = f"{used:g} of {quota:g} credits used today"
    yield from _used(name, row, used, quota, said)
    return said


def _used(name: str, row: dict[str, Any], used: float, quota: float, said: str) -> Iterator[Problem]:
    share = 100 * used / quota if quota else 0.0
    suspends, notifies = _percent(row["suspend_at"], 100.0), _percent(row["notify_at"], 80.0)
    if share >= suspends:
        yield Problem(
            CRITICAL,
            subject=name,
            evidence=f"{said}: the warehouse is suspended at {suspends:g} %",
            recommendation="raise logistics:dailyCreditQuota if the spend is meant, or wait until midnight UTC",
            value=90,
        )
    elif share >= notifies:
        yield Problem(
            WARNING,
            subject=name,
            evidence=f"{said}: at {suspends:g} % the warehouse is suspended",
            recommendation="logistics optimize says what the credits went to",
            value=75,
        )


def _percent(text: Any, default: float) -> float:
    """Returns the lowest percentage of a text such as `80%,90%`."""
    numbers = [float(part.strip().rstrip("%")) for part in str(text or "").split(",") if part.strip().rstrip("%")]
    return min(numbers, default=default)
