"""DYNAMIC_TABLE_GRAPH_HISTORY and DYNAMIC_TABLES: the graph of dynamic tables as it is now, and how they keep their lag."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.scheduler.refreshes import lag_seconds, refreshed_at

if TYPE_CHECKING:
    from embedded.snowflake.account import Account


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _common(account: Account, table: CatalogObject) -> dict[str, Any]:
    schema = account.catalog.get(table.container)
    lag = table.body["properties"]["TARGET_LAG"]
    state: dict[str, Any] = {"state": table.body["scheduling_state"]}
    if table.body["scheduling_state"] == "SUSPENDED":
        state.update(reason_code=table.body.get("suspend_reason"), suspended_on=table.body.get("suspended_on"))
    return {
        "name": table.name,
        "schema_name": schema.name,
        "database_name": account.catalog.get(schema.container).name,
        "qualified_name": full_name(account.catalog, table),
        "target_lag_sec": lag_seconds(lag),
        "target_lag_type": "DOWNSTREAM" if lag == "DOWNSTREAM" else "USER_DEFINED",
        "scheduling_state": _json(state),
    }


def graph(account: Account) -> list[dict[str, Any]]:
    """The dynamic tables with what each reads."""
    rows = []
    for table in account.catalog.all("DYNAMIC TABLE"):
        sources = [account.catalog.get(oid) for oid in table.body.get("reads") or [] if _known(account, oid)]
        inputs = [{"name": full_name(account.catalog, item), "kind": item.kind} for item in sources]
        rows.append(
            {
                **_common(account, table),
                "inputs": _json(inputs),
                "query_text": table.body["query"],
                "valid_from": table.created_on,
                "valid_to": None,
                "alter_trigger": _json(["CREATE_DYNAMIC_TABLE"]),
            }
        )
    return rows


def _known(account: Account, oid: int) -> bool:
    try:
        account.catalog.get(oid)
    except KeyError:
        return False
    return True


def tables(account: Account) -> list[dict[str, Any]]:
    """The dynamic tables with their lag: now, at most and on average between their refreshes of the last day."""
    now = account.clock.now()
    return [
        {**_common(account, table), "latest_data_timestamp": refreshed_at(table), **_lags(account, table, now)}
        for table in account.catalog.all("DYNAMIC TABLE")
    ]


def _lags(account: Account, table: CatalogObject, now: datetime) -> dict[str, Any]:
    history = account.history.rows("dynamic_table_refresh_history", "table_id = ?", [table.oid])
    done = [row for row in history if row["state"] == "SUCCEEDED"]
    target = lag_seconds(table.body["properties"]["TARGET_LAG"])
    # The lag grows from one refresh's data to the end of the next.
    ends = [*(row["refresh_end_time"] for row in done[1:]), now]
    lags = [(end - row["data_timestamp"]).total_seconds() for row, end in zip(done, ends, strict=False)]
    within = [lag for lag in lags if target is None or lag <= target]
    return {
        "mean_lag_sec": sum(lags) / len(lags) / 2 if lags else None,
        "maximum_lag_sec": max(lags, default=None),
        "time_within_target_lag_ratio": len(within) / len(lags) if lags else None,
        "last_completed_refresh_state": done[-1]["state"] if done else None,
    }
