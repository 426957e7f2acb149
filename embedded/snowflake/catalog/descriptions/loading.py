"""What loads data: stages, file formats, pipes; and sequences."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.column_grammar import default_order
from embedded.snowflake.catalog.file_formats import PROPERTIES, all_options, check_options, printed_value, property_type
from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import ShowClauses, answer, columns, constant, number, prop
from embedded.snowflake.catalog.tags import read_tag_list
from embedded.snowflake.catalog.values import (
    Property,
    boolean,
    identifier,
    name,
    options,
    read_properties,
    text,
)
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.result import Result, listing
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session


# -- file formats


def _settle_format(_: Session, item: CatalogObject, __: frozenset[str]) -> None:
    check_options(item.body.get("properties", {}))


def _format_options(_: Session, item: CatalogObject) -> str:
    return orjson.dumps(all_options(item.body.get("properties", {}))).decode()


def _describe_format(_: Session, item: CatalogObject) -> Result:
    given = item.body.get("properties", {})
    found, defaults = all_options(given), all_options({"TYPE": given.get("TYPE", "CSV")})
    rows = [
        (key, property_type(value), printed_value(value), printed_value(defaults[key])) for key, value in found.items()
    ]
    return listing(("property", "property_type", "property_value", "property_default"), rows)


def _alter_format(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    del session, item
    if tokens.at("SET", "TYPE"):
        raise SqlCompilationError("invalid property 'TYPE' for 'FILE FORMAT': a format keeps its type", 1420, "22023")
    return False


register(
    Kind(
        "FILE FORMAT",
        "FILE FORMATS",
        properties=PROPERTIES,
        create_privilege="CREATE FILE FORMAT",
        privileges=("USAGE",),
        show=columns(
            "created_on name database_name schema_name type owner comment format_options owner_role_type",
            type=prop("TYPE", "CSV"),
            format_options=_format_options,
        ),
        describe=_describe_format,
        settle=_settle_format,
        alter=_alter_format,
    )
)


# -- stages


def file_format(tokens: TokenStream) -> dict[str, Any]:
    """Read `(TYPE = CSV …)`, `(FORMAT_NAME = 'f')`, or a format's name alone."""
    if not tokens.at("("):
        return {"FORMAT_NAME": name(tokens)}
    tokens.expect("(")
    found = read_properties(tokens, {"FORMAT_NAME": Property(name), **PROPERTIES}, "FILE FORMAT")
    tokens.expect(")")
    if "FORMAT_NAME" not in found:
        check_options(found)
    return found


_STAGE_PROPERTIES = {
    "URL": Property(text),
    "STORAGE_INTEGRATION": Property(identifier),
    "CREDENTIALS": Property(options()),
    "ENCRYPTION": Property(options()),
    "ENDPOINT": Property(text),
    "AWS_ACCESS_POINT_ARN": Property(text),
    "USE_PRIVATELINK_ENDPOINT": Property(boolean),
    "FILE_FORMAT": Property(file_format),
    "COPY_OPTIONS": Property(options()),
    "DIRECTORY": Property(options()),
}
_COPY_DEFAULTS: dict[str, Any] = {
    "ON_ERROR": "ABORT_STATEMENT",
    "SIZE_LIMIT": None,
    "PURGE": False,
    "RETURN_FAILED_ONLY": False,
    "ENFORCE_LENGTH": True,
    "TRUNCATECOLUMNS": False,
    "FORCE": False,
}


def _settle_stage(session: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    properties = item.body["properties"]
    if "URL" in keys and properties.get("URL"):
        scheme = properties["URL"].partition("://")[0].lower()
        if scheme not in ("s3", "s3gov", "s3china", "s3compat", "gcs", "azure", "file"):
            raise SqlCompilationError(f"invalid URL prefix found in: '{properties['URL']}'", 2067, "42601")
    if "ENCRYPTION" in keys and not properties.get("URL"):
        kind = str(properties.get("ENCRYPTION", {}).get("TYPE", "SNOWFLAKE_FULL")).upper()
        if kind not in ("SNOWFLAKE_FULL", "SNOWFLAKE_SSE"):
            raise SqlCompilationError(f"invalid value [{kind}] for parameter 'ENCRYPTION'", 1008, "22023")
    integration = properties.get("STORAGE_INTEGRATION")
    if "STORAGE_INTEGRATION" in keys and integration:
        from embedded.snowflake.names import ObjectName
        from embedded.snowflake.security.privileges import reach

        reach(session, "STORAGE INTEGRATION", ObjectName(None, None, integration), "USAGE")


def _read_stage(session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    from embedded.snowflake.catalog.kinds import kind_of
    from embedded.snowflake.statements.objects import read_definition

    if tokens.at("CLONE"):
        raise unsupported("CREATE STAGE … CLONE")
    definition = read_definition(session, tokens, kind_of("STAGE"))
    temporary = create.modifiers & {"TEMPORARY", "TEMP"}
    definition.body["temporary_session"] = session.id if temporary else None
    return definition


def _alter_stage(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """`REFRESH [SUBPATH = 'path']`: a directory table is read off the files themselves, so it is fresh already.

    Raises:
        SqlCompilationError: the stage has no directory table.
    """
    if not tokens.accept("REFRESH"):
        return False
    require(session, "OWNERSHIP", item)
    if tokens.accept("SUBPATH", "="):
        tokens.string()
    if not (item.body["properties"].get("DIRECTORY") or {}).get("ENABLE"):
        raise SqlCompilationError(f"Stage '{item.name}' does not have a directory table.", 1008, "22023")
    return True


def _stage_type(_: Session, item: CatalogObject) -> str:
    kind = "EXTERNAL" if item.body["properties"].get("URL") else "INTERNAL"
    return f"{kind} TEMPORARY" if item.body.get("temporary_session") is not None else kind


def _cloud(_: Session, item: CatalogObject) -> str | None:
    scheme = (item.body["properties"].get("URL") or "").partition("://")[0].lower()
    return {"s3": "AWS", "gcs": "GCP", "azure": "AZURE"}.get(scheme)


def _has_directory(_: Session, item: CatalogObject) -> str:
    return "Y" if (item.body["properties"].get("DIRECTORY") or {}).get("ENABLE") else "N"


def _describe_stage(session: Session, item: CatalogObject) -> Result:
    """Rows by group; what was not set has its default as its value, so that a reader finds no difference."""
    properties = item.body["properties"]
    given = properties.get("FILE_FORMAT") or {}
    rows: list[tuple[str, str, str, str, str]] = []
    if "FORMAT_NAME" in given:
        rows.append(
            ("STAGE_FILE_FORMAT", "FORMAT_NAME", "String", _full_format_name(session, item, given["FORMAT_NAME"]), "")
        )
    else:
        rows += _rows("STAGE_FILE_FORMAT", all_options(given), all_options({"TYPE": given.get("TYPE", "CSV")}))
        if given.get("TYPE", "CSV") != "CSV":
            rows = [(row[0], row[1], row[2], row[3], "CSV" if row[1] == "TYPE" else row[4]) for row in rows]
    rows += _rows("STAGE_COPY_OPTIONS", {**_COPY_DEFAULTS, **(properties.get("COPY_OPTIONS") or {})}, _COPY_DEFAULTS)
    url = properties.get("URL")
    rows.append(("STAGE_LOCATION", "URL", "String", orjson.dumps([url]).decode() if url else "", ""))
    if properties.get("STORAGE_INTEGRATION"):
        rows.append(("STAGE_INTEGRATION", "STORAGE_INTEGRATION", "String", properties["STORAGE_INTEGRATION"], ""))
    directory = {"ENABLE": False, "AUTO_REFRESH": False}
    rows += _rows("DIRECTORY", {**directory, **(properties.get("DIRECTORY") or {})}, directory)
    return listing(("parent_property", "property", "property_type", "property_value", "property_default"), rows)


def _rows(group: str, values: dict[str, Any], defaults: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    return [
        (group, key, property_type(value), printed_value(value), printed_value(defaults.get(key)))
        for key, value in values.items()
    ]


def _full_format_name(session: Session, item: CatalogObject, written: str) -> str:
    from embedded.snowflake.catalog.show import containers

    parts = [token.text for token in TokenStream(written).tokens if token.text != "."]
    return ".".join([*containers(session, item)[: 3 - len(parts)], *parts])


register(
    Kind(
        "STAGE",
        "STAGES",
        properties=_STAGE_PROPERTIES,
        alter=_alter_stage,
        create_privilege="CREATE STAGE",
        privileges=("READ", "USAGE", "WRITE"),
        show=columns(
            "created_on name database_name schema_name url has_credentials has_encryption_key owner comment region type cloud"
            " notification_channel storage_integration endpoint owner_role_type directory_enabled",
            url=prop("URL"),
            has_credentials=lambda _, item: "Y" if item.body["properties"].get("CREDENTIALS") else "N",
            has_encryption_key=lambda _, item: (
                "Y" if "MASTER_KEY" in (item.body["properties"].get("ENCRYPTION") or {}) else "N"
            ),
            region=constant(None),
            type=_stage_type,
            cloud=_cloud,
            notification_channel=constant(None),
            storage_integration=prop("STORAGE_INTEGRATION", None),
            endpoint=prop("ENDPOINT", None),
            directory_enabled=_has_directory,
        ),
        describe=_describe_stage,
        read=_read_stage,
        settle=_settle_stage,
        dropping=lambda session, changes, item: _drop_files(session, changes, item),
    )
)


def _drop_files(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import drop_stage

    drop_stage(session, changes, item)


# -- sequences


def _read_sequence(session: Session, tokens: TokenStream, *_: Any) -> Definition:
    body: dict[str, Any] = {"start": 1, "increment": 1, "order": default_order(session)}
    definition = Definition(body)
    tokens.accept("WITH")
    while tokens:
        if tokens.word() in ("START", "INCREMENT"):
            key = tokens.next().text.lower()
            tokens.accept("WITH")
            tokens.accept("BY")
            tokens.accept("=")
            body[key] = tokens.number()
        elif tokens.word() in ("ORDER", "NOORDER"):
            body["order"] = tokens.next().text.upper() == "ORDER"
        elif tokens.at("TAG") or tokens.at("WITH", "TAG"):
            body["tags"] = read_tag_list(session, tokens)
        else:
            found = read_properties(tokens, {"COMMENT": Property(text, "")}, "SEQUENCE")
            if not found:
                raise tokens.unexpected()
            definition.comment = found["COMMENT"]
        tokens.accept(",")
    if body["increment"] == 0:
        raise SqlCompilationError("invalid value [0] for parameter 'INCREMENT'", 1008, "22023")
    return definition


def _create_sequence(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import start_sequence

    start_sequence(session, changes, item)


def _alter_sequence(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """SET [INCREMENT [BY] [=] n] [ORDER|NOORDER] [COMMENT = …], in any order."""
    if not tokens.at("SET") and tokens.word() != "INCREMENT":
        return False
    if tokens.at("SET", "TAG"):
        return False
    require(session, "OWNERSHIP", item)
    tokens.accept("SET")
    new = item.changed()
    while tokens:
        if tokens.accept("INCREMENT"):
            tokens.accept("BY")
            tokens.accept("=")
            new.body["increment"] = tokens.number()
        elif tokens.word() in ("ORDER", "NOORDER"):
            new.body["order"] = tokens.next().text.upper() == "ORDER"
        else:
            found = read_properties(tokens, {"COMMENT": Property(text, "")}, "SEQUENCE")
            if not found:
                raise tokens.unexpected()
            new.comment = found["COMMENT"]
        tokens.accept(",")
    _keep_sequence(session, item, new)
    return True


def _keep_sequence(session: Session, item: CatalogObject, new: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import change_increment

    if new.body["increment"] == 0:
        raise SqlCompilationError("invalid value [0] for parameter 'INCREMENT'", 1008, "22023")
    with session.account.catalog.transaction() as changes:
        if new.body["increment"] != item.body["increment"]:
            change_increment(session, changes, item, new)
        changes.put(new)


def _next_value(session: Session, item: CatalogObject) -> int:
    from embedded.snowflake.statements.physical import sequence_next

    return sequence_next(session, item)


_SEQUENCE_SHOW = columns(
    "name database_name schema_name next_value interval created_on owner comment owner_role_type ordered",
    next_value=number(_next_value),
    interval=number(lambda _, item: item.body["increment"]),
    ordered=lambda _, item: "Y" if item.body["order"] else "N",
)

register(
    Kind(
        "SEQUENCE",
        "SEQUENCES",
        create_privilege="CREATE SEQUENCE",
        privileges=("USAGE",),
        show=_SEQUENCE_SHOW,
        describe=lambda session, item: answer(session, _SEQUENCE_SHOW, [item], ShowClauses()),
        read=_read_sequence,
        created=_create_sequence,
        alter=_alter_sequence,
    )
)


# -- pipes

_PIPE_PROPERTIES = {
    "AUTO_INGEST": Property(boolean, False),
    "ERROR_INTEGRATION": Property(identifier),
    "AWS_SNS_TOPIC": Property(text),
    "INTEGRATION": Property(text),
    "PIPE_EXECUTION_PAUSED": Property(boolean, False),
}


def _read_pipe(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    from embedded.snowflake.catalog.kinds import kind_of
    from embedded.snowflake.statements.objects import read_definition

    definition = read_definition(session, tokens, kind_of("PIPE"))
    tokens.expect("AS")
    if not tokens.at("COPY", "INTO"):
        raise tokens.unexpected()
    definition.body["definition"] = tokens.rest()
    return definition


def _channel(_: Session, item: CatalogObject) -> str | None:
    if not item.body["properties"].get("AUTO_INGEST"):
        return None
    return "local:" + base64.b32encode(str(item.oid).encode()).decode().rstrip("=")


_PIPE_SHOW = columns(
    "created_on name database_name schema_name definition owner notification_channel comment integration pattern"
    " error_integration owner_role_type invalid_reason kind",
    definition=lambda _, item: item.body["definition"],
    notification_channel=_channel,
    integration=prop("INTEGRATION", None),
    pattern=constant(None),
    error_integration=prop("ERROR_INTEGRATION", None),
    invalid_reason=constant(None),
    kind=constant("STAGE"),
)

register(
    Kind(
        "PIPE",
        "PIPES",
        properties=_PIPE_PROPERTIES,
        create_privilege="CREATE PIPE",
        privileges=("APPLYBUDGET", "MONITOR", "OPERATE"),
        show=_PIPE_SHOW,
        describe=lambda session, item: answer(session, _PIPE_SHOW, [item], ShowClauses()),
        read=_read_pipe,
    )
)
