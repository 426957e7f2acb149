"""Views, materialized views and dynamic tables: objects that are a query."""

import re
from collections.abc import Iterator
from typing import Any

from embedded.provider import literals, names
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind
from embedded.provider.kinds.sqltext import body_of_dynamic_table, body_of_view
from embedded.provider.kinds.statements import (
    COMMENT,
    COPY_GRANTS,
    Clause,
    Custom,
    Flag,
    Rename,
    Settings,
    Switch,
    Text,
)
from embedded.provider.kinds.tables import tag_change
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order

# -- views -------------------------------------------------------------------------------------------------------------


def _view_columns(op: Operation) -> str:
    listed = op.value("column")
    return "(" + ", ".join(_view_column(column) for column in listed) + ")" if listed else ""


def _view_column(column: dict[str, Any]) -> str:
    pieces = [names.quote(column["column_name"])]
    if column.get("projection_policy"):
        pieces.append(f"PROJECTION POLICY {literals.identifier(column['projection_policy']['policy_name'])}")
    masking = column.get("masking_policy")
    if masking:
        pieces.append(f"MASKING POLICY {literals.identifier(masking['policy_name'])}")
        if masking.get("using"):
            pieces.append("USING (" + ", ".join(names.quote(name) for name in masking["using"]) + ")")
    if column.get("comment"):
        pieces.append(f"COMMENT {literals.text(column['comment'])}")
    return " ".join(pieces)


def _quoted_list(values: Any) -> str:
    return "(" + ", ".join(names.quote(name) for name in set_order(values)) + ")"


def _row_access(value: dict[str, Any] | None) -> str:
    return (
        f"ROW ACCESS POLICY {literals.identifier(value['policy_name'])} ON {_quoted_list(value['on'])}" if value else ""
    )


def _aggregation(value: dict[str, Any] | None) -> str:
    if not value:
        return ""
    keys = f" ENTITY KEY {_quoted_list(value['entity_key'])}" if value.get("entity_key") else ""
    return f"AGGREGATION POLICY {literals.identifier(value['policy_name'])}{keys}"


def _row_access_change(op: Operation) -> Iterator[str]:
    if "row_access_policy" not in op.changes:
        return
    old, new = op.old.get("row_access_policy"), op.value("row_access_policy")
    drop = f"DROP ROW ACCESS POLICY {literals.identifier(old['policy_name'])}" if old else ""
    add = f"ADD {_row_access(new)}" if new else ""
    yield f"ALTER VIEW {op.fqn} {', '.join(filter(None, (drop, add)))}"


def _aggregation_change(op: Operation) -> Iterator[str]:
    if "aggregation_policy" in op.changes:
        new = _aggregation(op.value("aggregation_policy"))
        yield f"ALTER VIEW {op.fqn} " + (f"SET {new} FORCE" if new else "UNSET AGGREGATION POLICY")


def _change_tracking(op: Operation) -> Iterator[str]:
    if "change_tracking" in op.changes:
        yield f"ALTER VIEW {op.fqn} SET CHANGE_TRACKING = {literals.raw(op.value('change_tracking') or 'false')}"


def _metrics(op: Operation) -> Iterator[str]:
    """Yield what brings the data metric functions and their schedule from old to new."""
    if "data_metric_schedule" in op.changes:
        schedule = op.value("data_metric_schedule")
        if schedule:
            yield (
                f"ALTER VIEW {op.fqn} SET DATA_METRIC_SCHEDULE = {literals.text(schedule['using_cron'])}"
                if schedule.get("using_cron")
                else f"ALTER VIEW {op.fqn} SET DATA_METRIC_SCHEDULE = {literals.text(str(schedule['minutes']) + ' MINUTE')}"
            )
        else:
            yield f"ALTER VIEW {op.fqn} UNSET DATA_METRIC_SCHEDULE"
    if "data_metric_function" not in op.changes:
        return
    old = {_metric(each): each for each in op.old.get("data_metric_function") or []}
    new = {_metric(each): each for each in op.value("data_metric_function") or []}
    for verb, picked in (
        ("DROP", [key for key in old if key not in new]),
        ("ADD", [key for key in new if key not in old]),
    ):
        if picked:
            yield f"ALTER VIEW {op.fqn} {verb} {', '.join(picked)}"
    for key, each in new.items():
        if (old.get(key) or {}).get("schedule_status") != each["schedule_status"]:
            word = "RESUME" if str(each["schedule_status"]).upper() == "STARTED" else "SUSPEND"
            yield f"ALTER VIEW {op.fqn} MODIFY {key} {word}"


def _metric(value: dict[str, Any]) -> str:
    return f"DATA METRIC FUNCTION {literals.identifier(value['function_name'])} ON {_quoted_list(value['on'])}"


def _view_created(op: Operation) -> None:
    op.changes.update(op.every_change())
    for step in (_change_tracking, _metrics):
        for statement in step(op):
            op.write(statement)


class ViewKind(Kind):
    """A view; its read also asks which policies and metric functions refer to it."""

    def look_closer(self, op: Operation, found: Found) -> None:
        """Ask for references of policies, of metric functions, then for the columns."""
        found.other = {
            name: op.run(references(name, op.fqn, "VIEW"))
            for name in ("POLICY_REFERENCES", "DATA_METRIC_FUNCTION_REFERENCES")
        }
        found.describe = op.run(f"DESCRIBE VIEW {op.fqn}")

    def update(self, op: Operation) -> None:
        """Replace the view when its query or columns changed; change it in place otherwise."""
        if self.recreate & op.changes.keys():
            yield_name = op.changes.pop("name", None)
            if yield_name:
                op.changes["name"] = yield_name
                for statement in Rename().statements(op):
                    op.write(statement)
                op.changes.pop("name")
            op.write(self.create_statement(op, replace=True))
            _view_created(op)
            op.id = self.id_of(op)
            return
        super().update(op)


def references(function: str, fqn: str, domain: str) -> str:
    """Return the query of one of the reference functions of the information schema."""
    return (
        f"SELECT * FROM TABLE (SNOWFLAKE.INFORMATION_SCHEMA.{function} "
        f"(REF_ENTITY_NAME => {literals.text(fqn)}, REF_ENTITY_DOMAIN => '{domain}'))"
    )


def _policy_name(row: dict[str, Any]) -> str:
    return names.full(*(columns.text(row.get(f"POLICY_{part}")) for part in ("DB", "SCHEMA", "NAME")))


def _view_read(op: Operation, found: Found) -> None:
    state, text = op.state, columns.text(found.show.get("text"))
    if not text:
        raise ValueError(f"SHOW VIEWS gives no text for {op.fqn}: does the role own the view?")
    state.set("statement", body_of_view(text))
    head = text[: len(text) - len(body_of_view(text))]
    if op.importing or op.refreshing:
        for key, word in (("is_recursive", "RECURSIVE"), ("is_temporary", "TEMPORARY")):
            has = bool(re.search(rf"\b{word}\b", head, re.IGNORECASE))
            if op.importing or has != (state.get(key) == "true"):
                state.set(key, "true" if has else "false")
    policies = found.other["POLICY_REFERENCES"]
    state.set("column", _read_columns(found.describe, policies))
    rows = {columns.text(row.get("POLICY_KIND")): row for row in policies if not row.get("REF_COLUMN_NAME")}
    state.set("row_access_policy", _read_row_access(op, rows.get("ROW_ACCESS_POLICY")))
    state.set("aggregation_policy", _read_aggregation(op, rows.get("AGGREGATION_POLICY")))
    _read_metrics(op, found.other["DATA_METRIC_FUNCTION_REFERENCES"])


def _read_columns(rows: list[Any], policies: list[Any]) -> list[dict[str, Any]]:
    attached = {
        (columns.text(row.get("REF_COLUMN_NAME")), columns.text(row.get("POLICY_KIND"))): row for row in policies
    }
    found = []
    for row in rows:
        name = columns.text(row.get("name"))
        column: dict[str, Any] = {"column_name": name, "comment": columns.text(row.get("comment"))}
        masking = attached.get((name, "MASKING_POLICY"))
        if masking:
            using = [name, *columns.items(masking.get("REF_ARG_COLUMN_NAMES"))]
            column["masking_policy"] = {"policy_name": _policy_name(masking), "using": using}
        projection = attached.get((name, "PROJECTION_POLICY"))
        if projection:
            column["projection_policy"] = {"policy_name": _policy_name(projection)}
        found.append(column)
    return found


def _read_row_access(op: Operation, row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    before = op.state.get("row_access_policy") or {}
    name = _policy_name(row)
    kept = before.get("policy_name") if names.same(before.get("policy_name"), name) else name
    return {"policy_name": kept, "on": columns.items(row.get("REF_ARG_COLUMN_NAMES"))}


def _read_aggregation(op: Operation, row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    before = op.state.get("aggregation_policy") or {}
    name = _policy_name(row)
    kept = before.get("policy_name") if names.same(before.get("policy_name"), name) else name
    keys = columns.items(row.get("REF_ARG_COLUMN_NAMES"))
    return {"policy_name": kept, **({"entity_key": keys} if keys else {})}


def _read_metrics(op: Operation, rows: list[dict[str, Any]]) -> None:
    found = [
        {
            "function_name": names.full(
                *(columns.text(row.get(f"METRIC_{part}_NAME")) for part in ("DATABASE", "SCHEMA")),
                columns.text(row.get("METRIC_NAME")),
            ),
            "on": [str(each.get("name", each)) if isinstance(each, dict) else str(each) for each in _arguments(row)],
            "schedule_status": "STARTED"
            if columns.text(row.get("SCHEDULE_STATUS")).startswith("STARTED")
            else "SUSPENDED",
        }
        for row in rows
    ]
    op.state.set("data_metric_function", found or None)
    if rows:
        schedule = columns.text(rows[0].get("SCHEDULE"))
        minutes = re.fullmatch(r"(\d+) MINUTE", schedule, re.IGNORECASE)
        op.state.set(
            "data_metric_schedule", {"minutes": int(minutes.group(1))} if minutes else {"using_cron": schedule}
        )


def _arguments(row: dict[str, Any]) -> list[Any]:
    import json

    return json.loads(columns.text(row.get("REF_ARGUMENTS")) or "[]")


def _describe_view(_: Operation, found: Found) -> list[dict[str, Any]]:
    mapping = {
        "is_nullable": ("null?", columns.flag),
        "is_primary": ("primary key", columns.flag),
        "is_unique": ("unique key", columns.flag),
        "policy_name": ("policy name", columns.text),
        "privacy_domain": ("privacy domain", columns.text),
    }
    plain = ("name", "type", "kind", "default", "check", "expression", "comment")
    return [
        {name: columns.text(row.get(name)) for name in plain}
        | {key: convert(row.get(column)) for key, (column, convert) in mapping.items()}
        for row in found.describe
    ]


def _on_off(value: Any) -> str:
    return "true" if columns.flag(value) else "false"


VIEW = ViewKind(
    name="View",
    sql="VIEW",
    plural="VIEWS",
    levels=3,
    id_form="quoted",
    head=(Flag("is_secure", "SECURE"), Flag("is_temporary", "TEMPORARY"), Flag("is_recursive", "RECURSIVE")),
    body=(
        Text(_view_columns),
        COPY_GRANTS,
        COMMENT,
        Text(lambda op: _row_access(op.value("row_access_policy"))),
        Text(lambda op: _aggregation(op.value("aggregation_policy"))),
        Text(lambda op: f"AS {op.value('statement')}"),
    ),
    recreate=frozenset({"statement", "is_temporary", "is_recursive", "column"}),
    steps=(
        Rename(),
        Settings((COMMENT,)),
        Switch("is_secure", "SET SECURE", "UNSET SECURE"),
        Custom(_change_tracking),
        Custom(_metrics),
        Custom(_row_access_change),
        Custom(_aggregation_change),
    ),
    fields={"comment": Field("comment")},
    read_more=_view_read,
    shown={"change_tracking": ("change_tracking", _on_off)},
    describe_output=_describe_view,
    after_create=_view_created,
)

# -- materialized views ------------------------------------------------------------------------------------------------


class MaterializedViewKind(Kind):
    """A materialized view; it is created by a session that uses its warehouse."""

    def create(self, op: Operation) -> None:
        """Use the warehouse, create the view, set its tags."""
        op.parts = self.parts_of_inputs(op)
        with op.client.pool.session() as session:
            session.run(f"USE WAREHOUSE {literals.identifier(op.inputs.get('warehouse'))}", 60)
            op.write(self.create_statement(op, replace=bool(op.value("or_replace"))), session)
        op.id = self.id_of(op)
        op.changes.update(op.every_change())
        for statement in tag_change("VIEW")(op):
            op.write(statement)


def _secure_and_comment(op: Operation) -> Iterator[str]:
    secure, comment = op.value("is_secure"), op.value("comment")
    changed = op.changes
    on = ["SECURE"] if "is_secure" in changed and secure else []
    off = ["SECURE"] if "is_secure" in changed and not secure else []
    if "comment" in changed:
        on += [f"COMMENT = {literals.text(comment)}"] if comment else []
        off += [] if comment else ["COMMENT"]
    if on:
        yield f"ALTER MATERIALIZED VIEW {op.fqn} SET {' '.join(on)}"
    if off:
        yield f"ALTER MATERIALIZED VIEW {op.fqn} UNSET {', '.join(off)}"


def _materialized_read(op: Operation, found: Found) -> None:
    op.state.set("statement", body_of_view(columns.text(found.show.get("text"))))
    op.state.set("is_secure", columns.flag(found.show.get("is_secure")))


MATERIALIZED_VIEW = MaterializedViewKind(
    name="MaterializedView",
    sql="MATERIALIZED VIEW",
    plural="MATERIALIZED VIEWS",
    levels=3,
    id_form="pipes",
    head=(Flag("is_secure", "SECURE"),),
    body=(COMMENT, Text(lambda op: f"AS {op.value('statement')}")),
    steps=(Rename(), Custom(_secure_and_comment), Custom(tag_change("VIEW"))),
    fields={"comment": Field("comment")},
    read_more=_materialized_read,
)

# -- dynamic tables ----------------------------------------------------------------------------------------------------


def _lag(value: dict[str, Any]) -> str:
    return "DOWNSTREAM" if value.get("downstream") else literals.text(value.get("maximum_duration") or "")


_DYNAMIC = (
    Clause("target_lag", "TARGET_LAG", _lag),
    Clause("warehouse", "WAREHOUSE", literals.identifier),
)


def _dynamic_comment(op: Operation) -> Iterator[str]:
    if "comment" in op.changes:
        yield f"COMMENT ON DYNAMIC TABLE {op.fqn} IS {literals.text(op.value('comment') or '')}"


def _dynamic_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    text = columns.text(row.get("text"))
    lag = columns.text(row.get("target_lag"))
    state.set("target_lag", {"downstream": True} if lag.upper() == "DOWNSTREAM" else {"maximum_duration": lag})
    state.set("query", body_of_dynamic_table(text))
    state.set("or_replace", "OR REPLACE" in text)
    for key in ("initialize", "refresh_mode"):
        mode = re.search(rf"\b{key}\s*=\s*'?(\w+)'?", text, re.IGNORECASE)
        if mode:
            state.set(key, mode.group(1).upper())
    for prop in op.resource.properties:
        if prop.output and prop.key in row:
            state.set(prop.key, columns.CONVERTERS[prop.type](row[prop.key]))


def _dynamic_moved(op: Operation) -> set[str]:
    return {"database", "schema"} & op.changes.keys()


DYNAMIC_TABLE = Kind(
    name="DynamicTable",
    sql="DYNAMIC TABLE",
    plural="DYNAMIC TABLES",
    levels=3,
    id_form="pipes",
    head=(Flag("or_replace", "OR REPLACE"),),
    body=(
        _DYNAMIC[0],
        Text(lambda op: f"INITIALIZE = {op.value('initialize') or 'ON_CREATE'}"),
        Text(lambda op: f"REFRESH_MODE = {op.value('refresh_mode') or 'AUTO'}"),
        _DYNAMIC[1],
        COMMENT,
        Text(lambda op: f"AS {op.value('query')}"),
    ),
    steps=(Settings(_DYNAMIC), Custom(_dynamic_comment)),
    fields={"comment": Field("comment"), "warehouse": Field("warehouse")},
    read_more=_dynamic_read,
    replace_when=_dynamic_moved,
)

KINDS = (VIEW, MATERIALIZED_VIEW, DYNAMIC_TABLE)
