"""Rules of what lies in tables: who sees it, how it is kept, how it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rules.model import UNKNOWN, Config, Resource, Rule, Violation, by_pattern, fits, is_set, listed, number, of_kind
from rules.statements import attached_row_policies

STATEFUL = frozenset({"Database", "Schema", "Table", "DynamicTable", "HybridTable", "StageInternal", "Stage"})


def _clustered(table: Resource, config: Config) -> Iterator[str]:
    if fits(config["largeTables"], table.label) and not is_set(table.props.get("clusterBies")):
        yield f"{table.full_name} is large and has no clustering key: every query reads all of it"


def columns_of(table: Resource) -> Iterator[tuple[str, bool]]:
    """Yields each column of a table with whether a masking policy hides it, also one that is not known yet."""
    for column in listed(table.props.get("columns")):
        if isinstance(column, dict):
            yield str(column.get("name", "")).upper(), is_set(column.get("maskingPolicy"))


def tagged_columns(resources: list[Resource], tag: str) -> Iterator[tuple[str, Resource]]:
    """Yields what a tag is put on, as full names without quotes, with the resource that puts it on."""
    for association in of_kind(resources, "TagAssociation"):
        about = association.text("tagId").replace('"', "").upper()
        if association.text("objectType").upper() == "COLUMN" and (not about or about.endswith(f".{tag.upper()}")):
            for identifier in listed(association.props.get("objectIdentifiers")):
                if identifier is not UNKNOWN:
                    yield str(identifier).replace('"', "").upper(), association


def _masked(resources: list[Resource], config: Config) -> Iterator[Violation]:
    tables = {table.full_name: table for table in of_kind(resources, "Table")}
    for column, association in tagged_columns(resources, config["tag"]):
        table_name, _, name = column.rpartition(".")
        table = tables.get(table_name)
        if table is not None and not dict(columns_of(table)).get(name, True):
            yield Violation(
                message=f"{column} is tagged {config['tag']} and no masking policy hides it", urn=association.urn
            )
    names = re.compile(config["personalNames"], re.IGNORECASE)
    for table in tables.values():
        for name, masked in columns_of(table):
            if names.search(name) and not masked and not fits(config["clearColumns"], f"{table.full_name}.{name}"):
                yield Violation(
                    message=f"{table.full_name}.{name} is personal data by its name and no masking policy hides it",
                    urn=table.urn,
                )


def _rows_protected(resources: list[Resource], config: Config) -> Iterator[Violation]:
    attached = attached_row_policies(resources)
    for table in of_kind(resources, "Table"):
        key = next((name for name in config["keys"] if name.upper() in dict(columns_of(table))), None)
        if key is None or table.urn in attached or by_pattern(config["exempt"], table.full_name, None):
            continue
        yield Violation(
            message=f"{table.full_name} carries {key.lower()} and no row access policy is on it: every reader sees all rows",
            urn=table.urn,
        )


def _retention(table: Resource, config: Config) -> Iterator[str]:
    least = by_pattern(config["minDaysByName"], table.full_name, config["minDays"])
    given = table.props.get("dataRetentionTimeInDays")
    days = number(given)
    # -1 is the plugin's word for what the schema has; the schema's own value is not the table's to promise.
    if given is not UNKNOWN and (days is None or days < least):
        kept = days if days is not None and days >= 0 else "an unset number of"
        yield f"{table.full_name} keeps its past {kept} days, needed are {least}"


def _protected(resource: Resource, config: Config) -> Iterator[str]:
    name = resource.full_name or resource.label
    if config["required"] and not resource.protect and not fits(config["exempt"], name):
        yield f"{resource.kind} {name} is not protected: a change may delete it with what it holds"


_PERSONAL = "|".join(
    (
        r"(^|_)e_?mail(_address)?$",
        r"phone",
        r"(customer|contact|driver|person)_name",
        r"license_plate",
        r"(^|_)ssn($|_)",
        r"birth",
        r"passport",
        r"iban",
        r"street",
    )
)
_NAMES = {"type": "array", "items": {"type": "string"}}
_BY_NAME = {"type": "object", "additionalProperties": True}

RULES = (
    Rule(
        name="large-table-clustered",
        what="A table that is large has a clustering key.",
        why="Without one every query reads every micro-partition.",
        mend="Give its contract cluster_by; a table that is not large is taken out of largeTables in policy/environments.",
        kinds=frozenset({"Table"}),
        check=_clustered,
        schema={"largeTables": {**_NAMES, "default": ["TBL_FACT_*", "TBL_ML_*FEATURE*"]}},
        severity="medium",
    ),
    Rule(
        name="pii-masked",
        what="A column that is tagged PII, or is personal data by its name, has a masking policy.",
        why="Whoever may read the table would read the value.",
        mend="Give the column masking_policy in its contract; a name that only looks personal goes to clearColumns.",
        check_stack=_masked,
        schema={
            "tag": {"type": "string", "default": "PII"},
            "personalNames": {
                "type": "string",
                "default": _PERSONAL,
            },
            "clearColumns": {**_NAMES, "default": []},
        },
        severity="critical",
    ),
    Rule(
        name="rows-protected",
        what="A table with customer_id or vehicle_id is under a row access policy.",
        why="A join with one open table shows what all the others hide.",
        mend="Give its contract row_access_policy; a table that must be open is named under exempt, with the reason.",
        check_stack=_rows_protected,
        schema={
            "keys": {**_NAMES, "default": ["CUSTOMER_ID", "VEHICLE_ID"]},
            "exempt": {"type": "object", "additionalProperties": {"type": "string", "minLength": 8}, "default": {}},
        },
        severity="critical",
    ),
    Rule(
        name="retention",
        what="A table keeps its past for at least so many days.",
        why="What was deleted by mistake comes back from Time Travel, or not at all.",
        mend="Raise retention_days in its contract, and logistics:maxRetentionDays in the stack file.",
        kinds=frozenset({"Table"}),
        check=_retention,
        schema={
            "minDays": {"type": "integer", "minimum": 0, "maximum": 90, "default": 1},
            "minDaysByName": {**_BY_NAME, "default": {}},
        },
        severity="medium",
    ),
    Rule(
        name="stateful-protected",
        what="What holds rows or files is protected against deletion by Pulumi.",
        why="A renamed resource is deleted and made anew, empty.",
        mend="Set logistics:protectStateful: true in the stack file, or protect=True on the resource.",
        kinds=STATEFUL,
        check=_protected,
        schema={"required": {"type": "boolean", "default": True}, "exempt": {**_NAMES, "default": []}},
        severity="critical",
    ),
)
