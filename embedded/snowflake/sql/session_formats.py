"""The session's formats: how text becomes dates, times and bytes and back, where it differs from the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.names import literal
from embedded.snowflake.sql.formats import offset_in, read_pattern, write_timestamp
from embedded.snowflake.types import DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_TIMESTAMP = "YYYY-MM-DD HH24:MI:SS.FF3"
# Each parameter, and the value that the casts have built in.
_DEFAULTS = {
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": _TIMESTAMP,
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
    "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    "TIMESTAMP_OUTPUT_FORMAT": f"{_TIMESTAMP} TZHTZM",
    "DATE_INPUT_FORMAT": "AUTO",
    "TIME_INPUT_FORMAT": "AUTO",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "BINARY_INPUT_FORMAT": "HEX",
    "BINARY_OUTPUT_FORMAT": "HEX",
}


class Zone(str):
    """The session's time zone, with the formats that differ from the defaults."""

    formats: dict[str, str]

    @classmethod
    def of(cls, session: Session) -> Zone:
        """The zone and formats of a session."""
        made = cls(session_setting(session, "TIMEZONE").value)
        given = {name: session_setting(session, name).value for name in _DEFAULTS}
        made.formats = {name: value for name, value in given.items() if value.upper() != _DEFAULTS[name]}
        return made


def formatted(sql: str, source: DataType, target: DataType, zone: str) -> str | None:
    """The text of a cast that the session's formats decide; None where they do not.

    Args:
        sql: DuckDB text of the value.
        source: its type.
        target: what it becomes.
        zone: the session's zone, as `Zone.of` gives it.
    """
    formats = getattr(zone, "formats", None)
    if not formats:
        return None
    if target.kind == "VARCHAR":
        return _written(sql, source.kind, zone, formats)
    if source.kind == "VARCHAR":
        return _read(sql, target.kind, zone, formats)
    return None


def _written(sql: str, kind: str, zone: str, formats: dict[str, str]) -> str | None:
    if kind == "BINARY":
        return f"to_base64({sql})" if "BINARY_OUTPUT_FORMAT" in formats else None
    mask = formats.get(f"{kind}_OUTPUT_FORMAT")
    if mask is None and kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
        mask = formats.get("TIMESTAMP_OUTPUT_FORMAT")
    if mask is None or mask.upper() == "AUTO":
        return None
    if kind == "TIME":
        return write_timestamp(f"(DATE '1970-01-01' + {sql})", mask)
    if kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
        if kind == "TIMESTAMP_TZ":
            return write_timestamp(f"sf_tz_wall({sql})", mask, f"sf_offset_text(sf_tz_offset({sql}))")
        name = literal(str(zone))
        offset = f"sf_offset_text(sf_offset_minutes({sql}, {name}))"
        return write_timestamp(f"timezone({name}, {sql})", mask, offset)
    return write_timestamp(f"CAST({sql} AS TIMESTAMP)", mask)


_FAILURES = {"DATE": ("100040", "Date"), "TIME": ("100108", "Time")}


def _read(sql: str, kind: str, zone: str, formats: dict[str, str]) -> str | None:
    if kind == "BINARY":
        form = formats.get("BINARY_INPUT_FORMAT", "HEX").upper().replace("-", "")
        return {"BASE64": f"from_base64({sql})", "UTF8": f"encode({sql})"}.get(form)
    mask = formats.get("TIMESTAMP_INPUT_FORMAT" if kind.startswith("TIMESTAMP") else f"{kind}_INPUT_FORMAT")
    if mask is None:
        return None
    pattern = read_pattern(mask)
    code, noun = _FAILURES.get(kind, ("100035", "Timestamp"))
    failed = f"sf_error('{code}', '{noun} ''' || {sql} || ''' is not recognized')"
    name = literal(str(zone))
    parsed = f"try_strptime({sql}, {literal(pattern)})"
    wall = f"timezone({name}, {parsed})" if "%z" in pattern else parsed
    read = f"(CASE WHEN {sql} IS NULL THEN NULL ELSE coalesce({wall}, CAST({failed} AS TIMESTAMP)) END)"
    if kind in ("DATE", "TIME"):
        return f"CAST({read} AS {kind})"
    if kind == "TIMESTAMP_TZ":
        moment = f"timezone({name}, {read})"
        return f"sf_tz({moment}, {offset_in(sql, mask)})" if "%z" in pattern else f"sf_tz_in({moment}, {name})"
    return read if kind == "TIMESTAMP_NTZ" else f"timezone({name}, {read})"
