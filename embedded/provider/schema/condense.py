"""Condense the recorded facts about the official plugin into ``schema.json``.

Run: ``python -m embedded.provider.schema.condense FACTS_PROVIDER_FOLDER``. The folder holds
``provider-schema.json``, ``parameters.json`` and ``statement-grammar.json``. Allowed values of enumerated properties are
not in these; they are taken from the docstrings of the installed ``pulumi_snowflake`` package.
"""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("schema.json")
FLAGS = {
    "required": "r",
    "forceNew": "f",
    "outputOnly": "o",
    "computed": "c",
    "sensitive": "s",
    "deprecated": "d",
    "maxItemsOne": "1",
}
RULES = (
    ("suppressIdentifierQuoting", "identifier"),
    ("NormalizeAndCompareIdentifiersInSet", "identifiers"),
    ("NormalizeAndCompareEnumsInSet", "cases"),
    ("NormalizeAndCompareUsingFunc", "type"),
    ("NormalizeAndCompare", "case"),
    ("ignoreCaseSuppressFunc", "case"),
    ("DiffSuppressStatement", "statement"),
    ("CopyStatementDiffSuppress", "statement"),
    ("IgnoreAfterCreation", "created"),
    ("ignoreAlwaysSuppressFunc", "always"),
    ("suppressQuoting", "quoting"),
    ("IgnoreChangeToCurrentSnowflakeValueInShow", "show"),
    ("IgnoreChangeToCurrentSnowflakeValueInDescribe", "describe"),
    ("IgnoreChangeToCurrentSnowflakePlainValueInOutput", "describe"),
    ("IgnoreChangeToCurrentSnowflakeListValueInDescribe", "describe"),
    ("IgnoreNewEmptyListOrSubfields", "empty"),
    ("IgnoreMatchingColumnNameAndMaskingPolicyUsingFirstElem", "using"),
)
# What a combined rule (SuppressIfAny, anonymous functions) holds, by property: the recording only names the combination.
COMBINED = {
    "warehouse_type": "case show",
    "warehouse_size": "size show",
    "scaling_policy": "case show",
    "resource_monitor": "identifier show",
    "resource_constraint": "case show",
    "generation": "case show",
    "frequency": "case show",
    "error_integration": "identifier show",
    "finalize": "identifier show",
    "when": "statement show",
    "sql_statement": "statement show",
    "login_name": "case show",
    "default_namespace": "identifier show",
    "default_secondary_roles_option": "case show",
    "table": "identifier show",
    "view": "identifier show",
    "schedule_status": "case",
    "type": "case",
    "on_update": "case",
    "on_delete": "case",
    "mfa_enrollment": "case describe",
    "stage": "identifier describe",
    "query_warehouse": "identifier describe",
    "external_access_integrations": "identifiers describe",
    "null_input_behavior": "case",
    "return_results_behavior": "case",
    "execute_as": "case",
    "if_not_exists": "created",
    "or_replace": "created",
}
_SIZES = "XSMALL X-SMALL SMALL MEDIUM LARGE XLARGE X-LARGE XXLARGE X2LARGE 2X-LARGE XXXLARGE X3LARGE 3X-LARGE X4LARGE 4X-LARGE "
_SIZES += "X5LARGE 5X-LARGE X6LARGE 6X-LARGE"
_COMPRESSIONS = "AUTO GZIP BZ2 BROTLI ZSTD DEFLATE RAW_DEFLATE NONE LZO SNAPPY"
# Allowed values that no docstring lists, by property. Case does not matter where the official validation ignores it.
CHOICES = {
    "log_level": "TRACE DEBUG INFO WARN ERROR FATAL OFF",
    "trace_level": "ALWAYS ON_EVENT PROPAGATE OFF",
    "metric_level": "ALL NONE",
    "binary_input_format": "HEX BASE64 UTF8 UTF-8",
    "binary_output_format": "HEX BASE64",
    "geography_output_format": "GeoJSON WKT WKB EWKT EWKB",
    "geometry_output_format": "GeoJSON WKT WKB EWKT EWKB",
    "timestamp_type_mapping": "TIMESTAMP_LTZ TIMESTAMP_NTZ TIMESTAMP_TZ",
    "storage_serialization_policy": "COMPATIBLE OPTIMIZED",
    "user_task_managed_initial_warehouse_size": _SIZES,
    "schedule_status": "STARTED SUSPENDED",
    "initialize": "ON_CREATE ON_SCHEDULE",
    "refresh_mode": "AUTO FULL INCREMENTAL",
    "ordering": "ORDER NOORDER",
    "format_type": "CSV JSON AVRO ORC PARQUET XML",
    "outbound_privileges": "COPY REVOKE",
    "initially": "DEFERRED IMMEDIATE",
    "match": "FULL PARTIAL SIMPLE",
    "enforce_mfa_on_external_authentication": "ALL NONE",
    "network_policy_evaluation": "ENFORCED_REQUIRED ENFORCED_NOT_REQUIRED NOT_ENFORCED",
    "allowed_methods": "ALL PASSKEY TOTP DUO OTP",
    "mfa_authentication_methods": "SAML PASSWORD",
    "allowed_providers": "ALL AWS AZURE GCP OIDC",
    "compression": _COMPRESSIONS,
    "binary_format": "HEX BASE64 UTF8",
}
# The statement that shows how a kind's parameters are written.
GRAMMARS = {
    "User": "CreateUserOptions",
    "Task": "CreateTaskOptions",
    "Database": "CreateDatabaseOptions",
    "Schema": "CreateSchemaOptions",
    "Warehouse": "CreateWarehouseOptions",
    "Function": "AlterFunctionOptions",
    "Procedure": "AlterProcedureOptions",
    "Account": "AlterAccountOptions",
}
RELATIONS = {"conflictsWith": "conflicts", "exactlyOneOf": "one_of", "atLeastOneOf": "some_of", "requiredWith": "with"}
_CHOICES = re.compile(
    r"(?:valid (?:values|options)|available options|options)[^.`\"]*?(?:are|:)[^`\"]*((?:[`\"][^`\"]+[`\"][ ,|]*(?:or |and )?)+)",
    re.IGNORECASE,
)


def rules(prop: dict[str, Any]) -> str:
    """Return the suppression rules of a property, space separated, in this project's words."""
    name = prop.get("diffSuppress")
    if not name:
        return ""
    if "SuppressIfAny" in name or re.fullmatch(r"resources\.init\.func\d+", name):
        return COMBINED[prop["tf"]]
    return next(word for mark, word in RULES if mark in name)


def choices(doc: str) -> list[str]:
    """Return the values that a property's documentation lists as the allowed ones."""
    found = _CHOICES.search(doc)
    return re.findall(r"[`\"]([^`\"]+)[`\"]", found.group(1)) if found else []


def documented(class_name: str) -> dict[str, str]:
    """Return the documentation of each argument of an SDK class, by Python argument name."""
    import pulumi_snowflake

    cls = getattr(pulumi_snowflake, class_name, None)
    if cls is None:
        return {}
    doc = inspect.getdoc(cls.__init__) or ""
    if "_internal_init" in cls.__dict__:
        doc = (inspect.getdoc(sys.modules[cls.__module__].__dict__[f"{class_name}Args"].__init__)) or ""
    return dict(re.findall(r":param [^:]*? (\w+): (.*)", doc))


def condense_property(prop: dict[str, Any], docs: dict[str, str]) -> dict[str, Any]:
    """Return one property in the compact form that ``embedded.provider.description`` reads."""
    kind = prop["tfType"]
    out: dict[str, Any] = {"n": prop["pulumi"], "t": kind if kind in ("list", "set", "map") else prop["pulumiType"]}
    if "elem" in prop and prop["elem"] != "object":
        out["e"] = prop["elem"]
    flags = "".join(letter for name, letter in FLAGS.items() if prop.get(name))
    if prop.get("pulumiDefault", {}).get("autoNamed"):
        flags += "a"
    _put(out, f=flags, s=rules(prop), min=prop.get("minItems"))
    default = prop.get("default", _documented_default(docs.get(_snake(prop["pulumi"]), "")))
    if default is not None:
        out["d"] = default
    _put(out, **{short: prop.get(name) for name, short in RELATIONS.items()})
    validate = str(prop.get("validate", "")) + str(prop.get("elemValidate", ""))
    if "sdkValidation" in validate or "StringInSlice" in validate:
        known = CHOICES.get(prop["tf"], "").split() or choices(docs.get(_snake(prop["pulumi"]), ""))
        _put(out, v=["true", "false"] if prop.get("default") == "default" else known)
        _put(out, i=1 if "sdkValidation" in validate else None)
    if "IsValidIdentifier" in validate:
        out["id"] = 1
    nested = prop.get("properties")
    if nested and prop["tf"] == "parameters":
        out["p"] = {item["tf"]: {"n": item["pulumi"], "t": "list"} for item in nested}
    elif nested:
        out["p"] = {item["tf"]: condense_property(item, {}) for item in nested}
    if prop.get("pulumiDefault", {}).get("envVars"):
        out["env"] = prop["pulumiDefault"]["envVars"]
    return out


def condense_resource(resource: dict[str, Any]) -> dict[str, Any]:
    """Return one resource type in compact form."""
    docs = documented(resource["token"].rsplit(":", 1)[1])
    out = {"tf": resource["terraformName"], "token": resource["token"]}
    _put(out, preview=resource["previewFeature"], version=resource["schemaVersion"])
    out["timeouts"] = resource.get("timeouts", {})
    out["computed"] = [rule["keys"] for rule in resource["customDiff"] if rule["fn"] == "ComputedIfAnyAttributeChanged"]
    out["properties"] = {prop["tf"]: condense_property(prop, docs) for prop in resource["properties"]}
    return out


def condense(folder: Path) -> dict[str, Any]:
    """Return the whole compact description made from a facts folder."""
    schema = json.loads((folder / "provider-schema.json").read_text())
    kinds = json.loads((folder / "parameters.json").read_text())["kinds"]
    grammar = json.loads((folder / "statement-grammar.json").read_text())["statements"]
    resources = schema["resources"]
    return {
        "version": schema["pulumiPackageVersion"],
        "features": schema["previewFeatureNames"],
        "experiments": schema["experimentalFeatureNames"],
        "config": {prop["tf"]: condense_property(prop, {}) for prop in schema["providerConfig"]},
        "resources": {
            token.rsplit(":", 1)[1]: condense_resource(item) for token, item in resources.items() if item.get("listed")
        },
        "unsupported": sorted(token for token, item in resources.items() if not item.get("listed")),
        "parameters": {
            kind: {
                item["key"]: [item["type"], item["default"], _form(item, grammar.get(GRAMMARS.get(kind, ""), {}))]
                for item in entry["parameters"]
            }
            for kind, entry in kinds.items()
        },
    }


def _documented_default(doc: str) -> str | None:
    """Return a default that only the documentation tells: a word in capitals."""
    found = re.match(r"\(Default: `([A-Z_]+)`\)", doc)
    return found.group(1) if found else None


def _form(item: dict[str, str], statement: dict[str, str]) -> str:
    """Return how a parameter's value is written: q quoted text, i identifier, r as it stands."""
    found = re.search(rf"\b{item['key']} = (.)(id:)?", statement.get("pattern", ""))
    if not found:
        return "r" if item["type"] in ("int", "bool") else "q"
    return "q" if found.group(1) == "'" else "i" if found.group(2) else "r"


def _put(target: dict[str, Any], **values: Any) -> None:
    target.update({key: value for key, value in values.items() if value not in (None, "", [], False)})


def _snake(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(condense(Path(sys.argv[1])), separators=(",", ":")) + "\n")
