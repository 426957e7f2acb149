"""Objects of the account: warehouses, monitors, roles, network policies and integrations; databases and schemas."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from embedded.provider import literals, names
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind, Parameters
from embedded.provider.kinds.statements import (
    COMMENT,
    Clause,
    Custom,
    Flag,
    ParameterSet,
    Rename,
    Settings,
    Switch,
    Text,
)
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order

Row = Mapping[str, Any]
_READ_COMMENT = {"comment": Field("comment")}

# -- warehouses --------------------------------------------------------------------------------------------------------

_WAREHOUSE = (
    Clause("warehouse_type", "WAREHOUSE_TYPE", lambda v: literals.text(str(v).upper())),
    Clause("warehouse_size", "WAREHOUSE_SIZE", lambda v: literals.text(columns.size(v))),
    Clause("max_cluster_count", "MAX_CLUSTER_COUNT", literals.raw),
    Clause("min_cluster_count", "MIN_CLUSTER_COUNT", literals.raw),
    Clause("scaling_policy", "SCALING_POLICY", lambda v: literals.text(str(v).upper())),
    Clause("auto_suspend", "AUTO_SUSPEND", literals.raw),
    Clause("auto_resume", "AUTO_RESUME", literals.raw),
    Clause("initially_suspended", "INITIALLY_SUSPENDED", literals.raw),
    Clause("resource_monitor", "RESOURCE_MONITOR", literals.identifier),
    COMMENT,
    Clause("enable_query_acceleration", "ENABLE_QUERY_ACCELERATION", literals.raw),
    Clause("query_acceleration_max_scale_factor", "QUERY_ACCELERATION_MAX_SCALE_FACTOR", literals.raw),
    Clause("resource_constraint", "RESOURCE_CONSTRAINT", lambda v: literals.text(str(v).upper())),
    Clause("generation", "GENERATION"),
)


def _warehouse_type_change(op: Operation) -> Iterator[str]:
    """Suspend a running warehouse before its type changes; resume it afterwards."""
    if "warehouse_type" not in op.changes:
        return
    row = op.kind.find(op)
    if row and str(row.get("state")) == "STARTED":
        op.write(f"ALTER WAREHOUSE {op.fqn} SUSPEND")
        _await_state(op, "SUSPENDED", attempts=5, seconds=1)
        op.resume.append(f"ALTER WAREHOUSE {op.fqn} RESUME IF SUSPENDED")
    yield from ()


def _await_state(op: Operation, state: str, *, attempts: int, seconds: float) -> None:
    for _ in range(attempts):
        op.wrote()
        row = op.kind.find(op)
        if row and str(row.get("state")).lower() == state.lower():
            return
        time.sleep(seconds)


def _replace_warehouse(op: Operation) -> set[str]:
    change = op.changes.get("warehouse_size")
    return {"warehouse_size"} if change and op.value("warehouse_size") is None else set()


WAREHOUSE = Kind(
    name="Warehouse",
    sql="WAREHOUSE",
    plural="WAREHOUSES",
    parameters=Parameters("Warehouse", "WAREHOUSE"),
    body=(*_WAREHOUSE, ParameterSet()),
    steps=(
        Rename(),
        Custom(_warehouse_type_change),
        Settings(
            (*_WAREHOUSE, ParameterSet()),
            instead={"auto_suspend": "AUTO_SUSPEND = 600"},
            with_={"warehouse_size": " WAIT_FOR_COMPLETION = true"},
        ),
        Custom(lambda op: iter(op.resume)),  # a warehouse that was suspended for its change of type
    ),
    fields=_READ_COMMENT,
    shown={"warehouse_type": ("type", None), "warehouse_size": ("size", None)},
    show_output={
        "size": lambda row: columns.size(row.get("size")),
        "resource_monitor": lambda row: columns.not_null(row.get("resource_monitor")),
        "resource_constraint": lambda row: columns.not_null(row.get("resource_constraint")),
        "generation": lambda row: columns.not_null(row.get("generation")),
    },
    replace_when=_replace_warehouse,
)

# -- resource monitors -------------------------------------------------------------------------------------------------

_TRIGGERS = (
    ("notify_triggers", "NOTIFY"),
    ("suspend_trigger", "SUSPEND"),
    ("suspend_immediate_trigger", "SUSPEND_IMMEDIATE"),
)


def _triggers(op: Operation) -> str:
    found = []
    for key, action in _TRIGGERS:
        value = op.value(key)
        thresholds = set_order(value) if isinstance(value, list) else [value]
        found += [f"ON {literals.raw(each)} PERCENT DO {action}" for each in thresholds if each is not None]
    return "TRIGGERS " + " ".join(found) if found else ""


_MONITOR = (
    Clause("credit_quota", "CREDIT_QUOTA", literals.raw),
    Clause("frequency", "FREQUENCY", lambda v: str(v).upper()),
    Clause("start_timestamp", "START_TIMESTAMP"),
    Clause("end_timestamp", "END_TIMESTAMP"),
    Clause("notify_users", "NOTIFY_USERS", lambda v: literals.identifiers(set_order(v))),
)
_MONITOR_REMOVED = {
    "credit_quota": "CREDIT_QUOTA = null",
    "end_timestamp": "END_TIMESTAMP = null",
    "notify_users": "NOTIFY_USERS = ()",
}


def _monitor_settings(op: Operation) -> Iterator[str]:
    """Yield one ALTER with the settings, and the triggers where one of them changed."""
    triggers = _triggers(op) if {key for key, _ in _TRIGGERS} & op.changes.keys() else ""
    setting = []
    for clause in _MONITOR:
        # Frequency and start are only accepted together; a change of triggers alone repeats the quota.
        together = (
            clause.key in ("frequency", "start_timestamp") and {"frequency", "start_timestamp"} & op.changes.keys()
        )
        if clause.key in op.changes or together:
            value = op.value(clause.key)
            setting.append(_MONITOR_REMOVED.get(clause.key, "") if value is None else clause.render(value))
    if triggers and not setting and op.value("credit_quota") is not None:
        setting.append(_MONITOR[0].render(op.value("credit_quota")))
    words = " ".join(filter(None, ("SET " + " ".join(setting) if setting else "", triggers)))
    if words:
        yield f"ALTER RESOURCE MONITOR {op.fqn} {words}"


def _monitor_read(op: Operation, found: Found) -> None:
    row = found.show
    op.state.set("notify_users", columns.items(row.get("notify_users")))
    op.state.set("notify_triggers", [columns.whole(item.rstrip("%")) for item in columns.items(row.get("notify_at"))])


def _percent(column: str) -> Any:
    return lambda row: columns.whole(columns.text(row.get(column)).split(",")[0].strip().rstrip("%"))


def _replace_monitor(op: Operation) -> set[str]:
    keys = {key for key, _ in _TRIGGERS}
    return keys & op.changes.keys() if all(op.value(key) is None for key in keys) else set()


RESOURCE_MONITOR = Kind(
    name="ResourceMonitor",
    sql="RESOURCE MONITOR",
    plural="RESOURCE MONITORS",
    body=(
        Text(lambda op: "WITH" if any(op.value(c.key) is not None for c in _MONITOR) or _triggers(op) else ""),
        *_MONITOR,
        Text(_triggers),
    ),
    steps=(Custom(_monitor_settings),),
    read_more=_monitor_read,
    shown={
        "start_timestamp": ("start_time", None),
        "end_timestamp": ("end_time", None),
        "suspend_trigger": ("suspend_at", None),
        "suspend_immediate_trigger": ("suspend_immediate_at", None),
    },
    show_output={
        "suspend_at": _percent("suspend_at"),
        "suspend_immediate_at": _percent("suspend_immediately_at"),
    },
    replace_when=_replace_monitor,
)

# -- databases and schemas ---------------------------------------------------------------------------------------------


def _replication(op: Operation) -> Iterator[str]:
    """Yield what turns replication and failover on and off for the accounts that were added and removed."""
    if "replication" not in op.changes:
        return
    old, new = (_accounts(value) for value in (op.old.get("replication"), op.value("replication")))
    for word, failover in (("REPLICATION", False), ("FAILOVER", True)):
        before = {account for account, with_ in old.items() if with_ or not failover}
        after = {account for account, with_ in new.items() if with_ or not failover}
        added = [account for account in new if account in after - before]
        removed = [account for account in old if account in before - after]
        ignore = (
            " IGNORE EDITION CHECK"
            if not failover and (op.value("replication") or {}).get("ignore_edition_check")
            else ""
        )
        if added:
            yield f"ALTER DATABASE {op.fqn} ENABLE {word} TO ACCOUNTS {', '.join(added)}{ignore}"
        if removed:
            yield f"ALTER DATABASE {op.fqn} DISABLE {word} TO ACCOUNTS {', '.join(removed)}"


def _accounts(value: Any) -> dict[str, bool]:
    listed = (value or {}).get("enable_to_account") or []
    return {literals.identifier(item["account_identifier"]): bool(item.get("with_failover")) for item in listed}


def _database_created(op: Operation) -> None:
    if op.value("drop_public_schema_on_creation"):
        _drop_public(op)
    accounts = _accounts(op.value("replication"))
    if not accounts:
        return
    ignore = " IGNORE EDITION CHECK" if op.value("replication").get("ignore_edition_check") else ""
    failover = [account for account, with_ in accounts.items() if with_]
    statements = [f"ALTER DATABASE {op.fqn} ENABLE REPLICATION TO ACCOUNTS {', '.join(accounts)}{ignore}"]
    if failover:
        statements.append(f"ALTER DATABASE {op.fqn} ENABLE FAILOVER TO ACCOUNTS {', '.join(failover)}")
    for statement in statements:
        try:
            op.write(statement)
        except StatementError as error:  # as officially: the database exists, so this is a warning
            op.warnings.append(str(error))


def _drop_public(op: Operation) -> None:
    for attempt in range(3):
        try:
            op.write(f"DROP SCHEMA IF EXISTS {names.full(op.parts[0], 'PUBLIC')}")
            op.reads.wrote("SCHEMAS", "PUBLIC")
            return
        except StatementError:
            if attempt == 2:
                raise
            time.sleep(1)


class DatabaseKind(Kind):
    """A database; its read also asks for replication, by the account's full name."""

    def look_closer(self, op: Operation, found: Found) -> None:
        """Ask for the replication of the database, then for its parameters."""
        context = op.client.context(op.deadline)
        primary = names.full(context["CURRENT_ORGANIZATION_NAME"], context["CURRENT_ACCOUNT_NAME"], op.parts[0])
        found.other["replication"] = op.run(f"SHOW REPLICATION DATABASES WITH PRIMARY {primary}")
        super().look_closer(op, found)


def _database_read(op: Operation, found: Found) -> None:
    op.state.set("is_transient", "TRANSIENT" in columns.text(found.show.get("options")))
    if len(found.other["replication"]) == 1:
        _replication_read(op, found.other["replication"][0])


def _replication_read(op: Operation, row: Row) -> None:
    context = op.client.context(op.deadline)
    own = f"{context['CURRENT_ORGANIZATION_NAME']}.{context['CURRENT_ACCOUNT_NAME']}"
    replicated = [item for item in columns.items(row.get("replication_allowed_to_accounts")) if item != own]
    failover = columns.items(row.get("failover_allowed_to_accounts"))
    if replicated:
        before = op.state.get("replication") or {}
        accounts = [
            {"account_identifier": literals.identifier(item), "with_failover": item in failover} for item in replicated
        ]
        op.state.set("replication", {**before, "enable_to_account": accounts})


DATABASE = DatabaseKind(
    name="Database",
    sql="DATABASE",
    plural="DATABASES",
    parameters=Parameters("Database", "DATABASE"),
    head=(Flag("is_transient", "TRANSIENT"),),
    body=(ParameterSet(), COMMENT),
    steps=(Rename(), Settings((ParameterSet(), COMMENT), separator=", "), Custom(_replication)),
    fields=_READ_COMMENT,
    read_more=_database_read,
    after_create=_database_created,
)


def _option(word: str) -> tuple[str, Any]:
    return "options", lambda value: "true" if word in columns.text(value) else "false"


class SchemaKind(Kind):
    """A schema; PUBLIC, which a database comes with, is altered instead of created."""

    def create(self, op: Operation) -> None:
        """Create the schema, or bring an existing PUBLIC to the wished state."""
        op.parts = self.parts_of_inputs(op)
        if op.parts[-1] != "PUBLIC" or self.find(op) is None:
            super().create(op)
            return
        op.id = self.id_of(op)
        op.changes.update(op.every_change())
        op.changes.pop("name", None)
        self.update(op)


SCHEMA = SchemaKind(
    name="Schema",
    sql="SCHEMA",
    plural="SCHEMAS",
    levels=2,
    id_form="quoted",
    parameters=Parameters("Schema", "SCHEMA"),
    head=(Flag("is_transient", "TRANSIENT"),),
    body=(Flag("with_managed_access", "WITH MANAGED ACCESS"), ParameterSet(), COMMENT),
    steps=(
        Rename(),
        Switch("with_managed_access", "ENABLE MANAGED ACCESS", "DISABLE MANAGED ACCESS"),
        Settings((ParameterSet(), COMMENT), separator=", "),
    ),
    describe="SCHEMA",
    describe_last=True,
    fields=_READ_COMMENT,
    shown={"is_transient": _option("TRANSIENT"), "with_managed_access": _option("MANAGED ACCESS")},
    describe_output=lambda _, found: [
        {key: columns.text(row.get(key)) for key in ("created_on", "name", "kind")} for row in found.describe
    ],
)

# -- roles -------------------------------------------------------------------------------------------------------------

ACCOUNT_ROLE = Kind(
    name="AccountRole",
    sql="ROLE",
    plural="ROLES",
    body=(COMMENT,),
    steps=(Rename(), Settings((COMMENT,))),
    fields=_READ_COMMENT,
)
DATABASE_ROLE = Kind(
    name="DatabaseRole",
    sql="DATABASE ROLE",
    plural="DATABASE ROLES",
    levels=2,
    id_form="quoted",
    body=(COMMENT,),
    steps=(Rename(), Settings((COMMENT,), instead={"comment": "COMMENT = ''"})),
    fields=_READ_COMMENT,
)

# -- network policies and integrations ---------------------------------------------------------------------------------

_NETWORK = (
    Clause("allowed_network_rule_list", "ALLOWED_NETWORK_RULE_LIST", lambda v: literals.identifiers(set_order(v))),
    Clause("blocked_network_rule_list", "BLOCKED_NETWORK_RULE_LIST", lambda v: literals.identifiers(set_order(v))),
    Clause("allowed_ip_list", "ALLOWED_IP_LIST", lambda v: literals.texts(set_order(v))),
    Clause("blocked_ip_list", "BLOCKED_IP_LIST", lambda v: literals.texts(set_order(v))),
    COMMENT,
)


def _network_read(op: Operation, found: Found) -> None:
    values = found.described("name", "value")
    for key in ("allowed_ip_list", "blocked_ip_list"):
        op.state.set(key, columns.items(values.get(key.upper())))
    for key in ("allowed_network_rule_list", "blocked_network_rule_list"):
        rules = json.loads(columns.text(values.get(key.upper())) or "[]")
        op.state.set(key, [literals.identifier(rule["fullyQualifiedRuleName"]) for rule in rules])


NETWORK_POLICY = Kind(
    name="NetworkPolicy",
    sql="NETWORK POLICY",
    plural="NETWORK POLICIES",
    body=_NETWORK,
    steps=(Rename(), Settings(_NETWORK)),
    describe="NETWORK POLICY",
    fields=_READ_COMMENT,
    read_more=_network_read,
    describe_output=lambda _, found: [
        {clause.key: columns.text(found.described("name", "value").get(clause.sql)) for clause in _NETWORK[:4]}
    ],
)

_EMAIL = (
    Clause("enabled", "ENABLED", literals.raw),
    Clause("allowed_recipients", "ALLOWED_RECIPIENTS", lambda v: literals.texts(set_order(v))),
    COMMENT,
)


def _properties(found: Found) -> dict[str, Any]:
    return found.described("property", "property_value")


def _email_read(op: Operation, found: Found) -> None:
    op.state.set("enabled", columns.flag(found.show.get("enabled")))
    op.state.set("allowed_recipients", columns.items(_properties(found).get("ALLOWED_RECIPIENTS")))


EMAIL_NOTIFICATION_INTEGRATION = Kind(
    name="EmailNotificationIntegration",
    sql="NOTIFICATION INTEGRATION",
    plural="NOTIFICATION INTEGRATIONS",
    body=(_EMAIL[0], Text("TYPE = EMAIL"), *_EMAIL[1:]),
    steps=(Settings(_EMAIL),),
    describe="NOTIFICATION INTEGRATION",
    fields=_READ_COMMENT,
    read_more=_email_read,
)

_STORAGE_AWS = (
    Clause("storage_aws_role_arn", "STORAGE_AWS_ROLE_ARN"),
    Clause("storage_aws_external_id", "STORAGE_AWS_EXTERNAL_ID"),
    Clause("storage_aws_object_acl", "STORAGE_AWS_OBJECT_ACL"),
    Clause("azure_tenant_id", "AZURE_TENANT_ID"),
    Clause("use_privatelink_endpoint", "USE_PRIVATELINK_ENDPOINT", literals.raw),
)
_STORAGE = (
    *_STORAGE_AWS,
    Clause("enabled", "ENABLED", literals.raw),
    Clause("storage_allowed_locations", "STORAGE_ALLOWED_LOCATIONS", literals.texts),
    Clause("storage_blocked_locations", "STORAGE_BLOCKED_LOCATIONS", literals.texts),
    COMMENT,
)


_STORAGE_SHOWN = {
    key: (key, lambda cells: cells[0]["value"] if cells else "")
    for key in ("storage_aws_external_id", "use_privatelink_endpoint")
}


def _storage_read(op: Operation, found: Found) -> None:
    values, state = _properties(found), op.state
    state.set("type", columns.text(found.show.get("type")))
    state.set("created_on", columns.text(found.show.get("created_on")))
    state.set("enabled", columns.flag(found.show.get("enabled")))
    for key in ("storage_allowed_locations", "storage_blocked_locations"):
        state.set(key, columns.items(values.get(key.upper())))
    for prop in op.resource.properties:
        if prop.key in _STORAGE_SHOWN or prop.type in ("list", "set") or prop.key.upper() not in values:
            continue
        if prop.key.startswith(("storage_", "azure_")):
            state.set(prop.key, columns.text(values[prop.key.upper()]))


def _storage_describe(_: Operation, found: Found) -> list[dict[str, Any]]:
    shape = ("property", "property_type", "property_value", "property_default")
    out = {}
    for row in found.describe:
        name, kind, value, default = (columns.text(row.get(column)) for column in shape)
        out[name.lower()] = [{"name": name, "type": kind, "value": value, "default": default}]
    return [out]


STORAGE_INTEGRATION = Kind(
    name="StorageIntegration",
    sql="STORAGE INTEGRATION",
    plural="STORAGE INTEGRATIONS",
    body=(
        Text("TYPE = EXTERNAL_STAGE"),
        Clause("storage_provider", "STORAGE_PROVIDER"),
        *_STORAGE,
    ),
    steps=(Settings(_STORAGE),),
    describe="STORAGE INTEGRATION",
    fields=_READ_COMMENT,
    read_more=_storage_read,
    described=_STORAGE_SHOWN,
    describe_output=_storage_describe,
)

KINDS = (
    WAREHOUSE,
    RESOURCE_MONITOR,
    DATABASE,
    SCHEMA,
    ACCOUNT_ROLE,
    DATABASE_ROLE,
    NETWORK_POLICY,
    EMAIL_NOTIFICATION_INTEGRATION,
    STORAGE_INTEGRATION,
)
