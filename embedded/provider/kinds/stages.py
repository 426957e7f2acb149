"""Stages and file formats."""

import json
from collections.abc import Iterator
from typing import Any

from embedded.provider import literals
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind
from embedded.provider.kinds.statements import COMMENT, Clause, Custom, Rename, Text
from embedded.provider.kinds.tables import tag_change
from embedded.provider.operation import Operation

# -- file format options -----------------------------------------------------------------------------------------------

_AUTO_OR_NONE = {
    "record_delimiter": "NONE",
    "field_delimiter": "NONE",
    "date_format": "AUTO",
    "time_format": "AUTO",
    "timestamp_format": "AUTO",
    "escape": "NONE",
    "escape_unenclosed_field": "NONE",
    "field_optionally_enclosed_by": "NONE",
}
_WORDS = ("compression", "binary_format", "encoding")


def _option(key: str, value: Any) -> str:
    if key == "null_if":
        return f"NULL_IF = {literals.texts(value)}"
    if key in _WORDS:
        return f"{key.upper()} = {str(value).upper()}"
    if key in _AUTO_OR_NONE and str(value).upper() == _AUTO_OR_NONE[key]:
        return f"{key.upper()} = {_AUTO_OR_NONE[key]}"
    if key in _AUTO_OR_NONE or key == "file_extension":
        return f"{key.upper()} = {literals.text(value)}"
    return f"{key.upper()} = {literals.raw(value)}"


def _inline_format(value: dict[str, Any]) -> str:
    """Return the file format of a stage: a name, or a type with its options."""
    if value.get("format_name"):
        return f"(FORMAT_NAME = {literals.identifier(value['format_name'])})"
    kind, options = next((key, given) for key, given in value.items() if given is not None and key != "format_name")
    pieces = [f"TYPE = {kind.upper()}"]
    pieces += [_option(key, given) for key, given in options.items() if given not in (None, "", [], "default")]
    return "(" + " ".join(pieces) + ")"


# -- internal stages ---------------------------------------------------------------------------------------------------


def _encryption(op: Operation) -> str:
    value = op.value("encryption")
    if not value:
        return ""
    kind = "SNOWFLAKE_FULL" if value.get("snowflake_full") is not None else "SNOWFLAKE_SSE"
    return f"ENCRYPTION = (TYPE = '{kind}')"


def _directory(value: dict[str, Any]) -> str:
    refresh = value.get("auto_refresh")
    words = f" AUTO_REFRESH = {refresh}" if refresh in ("true", "false") else ""
    return f"(ENABLE = {literals.raw(bool(value.get('enable')))}{words})"


_DIRECTORY = Clause("directory", "DIRECTORY", _directory)
_FORMAT = Clause("file_format", "FILE_FORMAT", _inline_format)


def _internal_changes(op: Operation) -> Iterator[str]:
    if "directory" in op.changes:
        enabled = bool((op.value("directory") or {}).get("enable"))
        yield f"ALTER STAGE {op.fqn} SET DIRECTORY = (ENABLE = {literals.raw(enabled)})"
    setting = []
    if "file_format" in op.changes:
        value = op.value("file_format")
        setting.append(_FORMAT.render(value) if value else "FILE_FORMAT = (TYPE = CSV)")
    if "comment" in op.changes:
        setting.append(COMMENT.render(op.value("comment") or ""))
    if setting:
        yield f"ALTER STAGE {op.fqn} SET {' '.join(setting)}"


def _stage_rows(found: Found) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Return DESCRIBE STAGE as group, property: (value, default, type)."""
    groups: dict[str, dict[str, tuple[str, str, str]]] = {}
    for row in found.describe:
        value, default, kind = (columns.text(row.get(f"property_{part}")) for part in ("value", "default", "type"))
        group = groups.setdefault(columns.text(row.get("parent_property")), {})
        group[columns.text(row.get("property"))] = (value, default, kind)
    return groups


def _internal_read(op: Operation, found: Found) -> None:
    state, groups = op.state, _stage_rows(found)
    state.set("stage_type", columns.text(found.show.get("type")))
    directory = groups.get("DIRECTORY", {})
    enabled = columns.flag(directory.get("ENABLE", ("false",))[0])
    before = state.get("directory")
    if before or enabled:
        state.set("directory", {**(before or {}), "enable": enabled})


def _describe_stage(_: Operation, found: Found) -> list[dict[str, Any]]:
    groups = _stage_rows(found)
    directory = {key: cells[0] for key, cells in groups.get("DIRECTORY", {}).items()}
    table = {
        "enable": columns.flag(directory.get("ENABLE")),
        "auto_refresh": columns.flag(directory.get("AUTO_REFRESH")),
        "last_refreshed_on": columns.not_null(directory.get("LAST_REFRESHED_ON")),
    }
    options = {key: cells[0] for key, cells in groups.get("STAGE_FILE_FORMAT", {}).items()}
    return [
        {"directory_table": [table], "file_format": [{"format_name": columns.not_null(options.get("FORMAT_NAME"))}]}
    ]


STAGE_INTERNAL = Kind(
    name="StageInternal",
    sql="STAGE",
    plural="STAGES",
    levels=3,
    id_form="quoted",
    body=(Text(_encryption), _DIRECTORY, _FORMAT, COMMENT),
    steps=(Rename(), Custom(_internal_changes)),
    describe="STAGE",
    fields={"comment": Field("comment")},
    read_more=_internal_read,
    describe_output=_describe_stage,
    drifted=lambda old: {"stage_type": True} if old.get("stage_type") not in (None, "", "INTERNAL") else {},
)

# -- legacy stages -----------------------------------------------------------------------------------------------------


def _parenthesis(value: Any) -> str:
    return f"({value})"


_STAGE = (
    Clause("url", "URL"),
    Clause("credentials", "CREDENTIALS", _parenthesis),
    Clause("storage_integration", "STORAGE_INTEGRATION", literals.identifier),
    Clause("encryption", "ENCRYPTION", _parenthesis),
    Clause("file_format", "FILE_FORMAT", _parenthesis),
    Clause("copy_options", "COPY_OPTIONS", _parenthesis),
    Clause("directory", "DIRECTORY", _parenthesis),
    COMMENT,
)


def _stage_changes(op: Operation) -> Iterator[str]:
    for clause in _STAGE:
        if clause.key in op.changes:
            value = op.value(clause.key)
            if value is not None:
                yield f"ALTER STAGE {op.fqn} SET {clause.render(value)}"
            elif clause.key == "comment":
                yield f"ALTER STAGE {op.fqn} SET COMMENT = ''"


def _spelled(cells: dict[str, tuple[str, str, str]]) -> str:
    """Return the options that differ from their defaults as ``KEY = value`` text."""
    pieces = []
    for key, (value, default, kind) in cells.items():
        if value != default and not (key == "TYPE" and "FORMAT_NAME" in cells):
            quoted = kind in ("String", "List") and not value.startswith("[")
            pieces.append(f"{key} = {literals.text(value) if quoted else value}")
    return " ".join(pieces)


def _stage_read(op: Operation, found: Found) -> None:
    state, groups = op.state, _stage_rows(found)
    url = columns.items(groups.get("STAGE_LOCATION", {}).get("URL", ("",))[0])
    state.set("url", url[0] if url else "")
    state.set("storage_integration", columns.text(found.show.get("storage_integration")))
    for key, group in (
        ("file_format", "STAGE_FILE_FORMAT"),
        ("copy_options", "STAGE_COPY_OPTIONS"),
        ("directory", "DIRECTORY"),
    ):
        cells = {name: cell for name, cell in groups.get(group, {}).items() if name != "LAST_REFRESHED_ON"}
        spelled, before = _spelled(cells), state.get(key)
        state.set(key, before if before and _loose(before) == _loose(spelled) else spelled)
    credentials = groups.get("STAGE_CREDENTIALS", {})
    for key in ("aws_external_id", "snowflake_iam_user"):
        if key.upper() in credentials:
            state.set(key, credentials[key.upper()][0])


def _loose(text: Any) -> str:
    return columns.squeeze(text).replace('"', "").replace("'", "").replace(" ", "").upper()


STAGE = Kind(
    name="Stage",
    sql="STAGE",
    plural="STAGES",
    levels=3,
    id_form="pipes",
    body=_STAGE,
    steps=(Custom(_stage_changes), Custom(tag_change("STAGE"))),
    describe="STAGE",
    fields={"comment": Field("comment")},
    read_more=_stage_read,
)

# -- file formats ------------------------------------------------------------------------------------------------------

# The options of each type, in the order in which statements list them; flags are always sent.
_OPTIONS = {
    "CSV": (
        "compression record_delimiter field_delimiter file_extension parse_header skip_header skip_blank_lines date_format "
        "time_format timestamp_format binary_format escape escape_unenclosed_field trim_space field_optionally_enclosed_by "
        "null_if error_on_column_count_mismatch replace_invalid_characters empty_field_as_null skip_byte_order_mark encoding"
    ),
    "JSON": (
        "compression date_format time_format timestamp_format binary_format trim_space null_if file_extension enable_octal "
        "allow_duplicate strip_outer_array strip_null_values replace_invalid_characters ignore_utf8_errors "
        "skip_byte_order_mark"
    ),
    "AVRO": "compression trim_space null_if",
    "ORC": "trim_space null_if",
    "PARQUET": "compression binary_as_text trim_space null_if",
    "XML": (
        "compression ignore_utf8_errors preserve_space strip_outer_element disable_snowflake_data disable_auto_convert "
        "skip_byte_order_mark"
    ),
}


def _options(op: Operation) -> list[str]:
    listed = _OPTIONS[str(op.inputs.get("format_type")).upper()].split()
    return [key for key in listed if op.resource.properties.get(key)]


def _format_pieces(op: Operation, keys: list[str]) -> list[str]:
    pieces = []
    for key in keys:
        prop, value = op.prop(key), op.inputs.get(key)
        if prop.type == "bool":
            pieces.append(f"{key.upper()} = {literals.raw(bool(value))}")
        elif value not in (None, "", []):
            pieces.append(_option(key, value))
        elif key in op.changes and prop.type == "int":
            pieces.append(f"{key.upper()} = 0")
    return pieces


def _format_changes(op: Operation) -> Iterator[str]:
    pieces = _format_pieces(op, [key for key in _options(op) if key in op.changes])
    if "comment" in op.changes:
        pieces.append(COMMENT.render(op.value("comment") or ""))
    if pieces:
        yield f"ALTER FILE FORMAT {op.fqn} SET {' '.join(pieces)}"


def _format_read(op: Operation, found: Found) -> None:
    type_ = columns.text(found.show.get("type")).upper()
    op.state.set("format_type", type_)
    given = json.loads(columns.text(found.show.get("format_options")) or "{}")
    for key in _OPTIONS.get(type_, "").split():
        prop = op.resource.properties.get(key)
        if prop is None:
            continue
        value = given.get(key.upper())
        op.state.set(
            key, columns.CONVERTERS[prop.type](value if value is not None else ([] if prop.type == "list" else ""))
        )


FILE_FORMAT = Kind(
    name="FileFormat",
    sql="FILE FORMAT",
    plural="FILE FORMATS",
    levels=3,
    id_form="pipes",
    body=(
        Text(lambda op: f"TYPE = {str(op.inputs.get('format_type')).upper()}"),
        Text(lambda op: " ".join(_format_pieces(op, _options(op)))),
        COMMENT,
    ),
    steps=(Rename(), Custom(_format_changes)),
    fields={"comment": Field("comment")},
    read_more=_format_read,
)

KINDS = (STAGE_INTERNAL, STAGE, FILE_FORMAT)
