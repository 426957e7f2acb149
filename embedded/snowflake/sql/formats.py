"""Snowflake's date, time and number formats (`YYYY-MM-DD HH24:MI:SS.FF3`, `999,990.00`) as DuckDB text."""

from __future__ import annotations

import re

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import literal

# Longest first: each element, and its strftime directive for writing; None marks what is written otherwise.
_ELEMENTS = [
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MMMM", "%B"),
    ("MON", "%b"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("DY", "%a"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%H"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("FF9", "%n"),
    ("FF6", "%f"),
    ("FF3", "%g"),
    ("FF", "%n"),
    ("TZH:TZM", "%z"),
    ("TZHTZM", "%z"),
    ("TZH", "%z"),
    ("TZM", "%z"),
]
_FRACTIONS = re.compile(r"FF([0-9])")


def _split(mask: str) -> list[tuple[str, str]]:
    """The mask's parts: `("element", "YYYY")`, `("text", "-")`."""
    parts: list[tuple[str, str]] = []
    at = 0
    while at < len(mask):
        if mask[at] == '"' and '"' in mask[at + 1 :]:
            end = mask.index('"', at + 1)
            parts.append(("text", mask[at + 1 : end]))
            at = end + 1
            continue
        upper = mask[at:].upper()
        fraction = _FRACTIONS.match(upper)
        if fraction:
            parts.append(("fraction", fraction[1]))
            at += 3
            continue
        found = next((name for name, _ in _ELEMENTS if upper.startswith(name)), None)
        parts.append(("element", mask[at : at + len(found)]) if found else ("text", mask[at]))
        at += len(found) if found else 1
    return parts


def write_timestamp(sql: str, mask: str, offset: str = "'+0000'") -> str:
    """DuckDB text that writes a TIMESTAMP by a mask.

    Args:
        sql: a DuckDB TIMESTAMP on the wall clock.
        mask: Snowflake's format.
        offset: DuckDB text of the zone's offset, `+HHMM`.
    """
    pieces: list[str] = []
    pattern = ""
    for kind, text in _split(mask):
        name = text.upper()
        if kind == "text":
            pattern += text.replace("%", "%%")
        elif kind == "fraction" or name == "FF":
            digits = 9 if kind == "element" else int(text)
            pieces, pattern = _flush(pieces, pattern, sql)
            pieces.append(f"left(strftime({sql}, '%f') || '000', {digits})")
        elif name.startswith("TZ"):
            pieces, pattern = _flush(pieces, pattern, sql)
            pieces.append(_OFFSETS[name].format(o=offset))
        elif name in ("DY", "MON", "MMMM", "AM", "PM"):
            pieces, pattern = _flush(pieces, pattern, sql)
            pieces.append(_cased(f"strftime({sql}, '{dict(_ELEMENTS)[name]}')", text))
        else:
            pattern += dict(_ELEMENTS)[name]
    pieces, _ = _flush(pieces, pattern, sql)
    return f"({' || '.join(pieces)})" if pieces else "''"


_OFFSETS = {
    "TZH:TZM": "(left({o}, 3) || ':' || right({o}, 2))",
    "TZHTZM": "{o}",
    "TZH": "left({o}, 3)",
    "TZM": "right({o}, 2)",
}


def _flush(pieces: list[str], pattern: str, sql: str) -> tuple[list[str], str]:
    if not pattern:
        return pieces, ""
    made = (
        f"strftime({sql}, {literal(pattern)})"
        if "%" in pattern.replace("%%", "")
        else literal(pattern.replace("%%", "%"))
    )
    return [*pieces, made], ""


def _cased(sql: str, text: str) -> str:
    """A mask in lower case gives names in lower case; `MON` and `Mon` give Jan."""
    return f"lower({sql})" if text.islower() else sql


def read_pattern(mask: str) -> str:
    """The strptime pattern that reads what a mask describes.

    Raises:
        SqlCompilationError: the mask has nothing to read.
    """
    pattern = ""
    for kind, text in _split(mask):
        if kind == "text":
            pattern += text.replace("%", "%%")
        elif kind == "fraction":
            pattern += "%f" if int(text) <= 6 else "%n"
        else:
            pattern += dict(_ELEMENTS)[text.upper()]
    if "%" not in pattern:
        raise SqlCompilationError(f"Invalid format '{mask}'", 1015, "22023")
    return pattern


def offset_in(sql: str, mask: str) -> str:
    """DuckDB text of the offset, in minutes, that a text written by a mask has in it.

    Raises:
        SnowflakeError: the mask has its offset elsewhere than at the end.
    """
    if not mask.upper().rstrip().endswith(("TZH:TZM", "TZHTZM", "TZH", "TZM")):
        raise unsupported(f"format '{mask}' with the time zone before its end")
    return f"sf_text_offset({sql})"


def number_mask(sql: str, mask: str) -> str:
    """DuckDB text that takes a formatted number's signs apart (`$1,234.50` by `$9,999.99`), leaving plain digits."""
    if mask.upper().startswith("X"):
        return f"CAST(CAST('0x' || {sql} AS BIGINT) AS VARCHAR)"
    return f"regexp_replace(trim({sql}), '[$, ]', '', 'g')"


_NUMBER_MASK = re.compile(r"(FM)?((?:MI|S|\$|B)*)([09,G]*)(?:([.D])([09]*))?(S|MI)?\Z", re.IGNORECASE)

_OTHER_MASKS = re.compile(r"(FM)?[X0]*X|TM[9E]?|(FM)?S?[09]*(\.[09]*)?EEEE?E?\Z", re.IGNORECASE)


def write_number(sql: str, mask: str) -> str:
    """DuckDB text that writes a number by a mask of 9, 0, comma, point, $, S, MI and FM.

    Raises:
        SnowflakeError: the mask has other elements.
    """
    match = _NUMBER_MASK.match(mask.strip())
    if _OTHER_MASKS.match(mask.strip()):
        return f"py_format_number(CAST({sql} AS VARCHAR), {literal(mask.strip())})"
    if match is None:
        raise unsupported(f"number format '{mask}'")
    whole, decimals = match[3], match[5] or ""
    digits = re.sub("[,G]", "", whole, flags=re.IGNORECASE)
    least = len(digits) - digits.index("0") if "0" in digits else (0 if decimals else 1)
    scale = len(decimals)
    value = f"abs(round({sql}, {scale}))"
    text = f"CAST(CAST(floor({value}) AS DECIMAL(38,0)) AS VARCHAR)"
    padded = f"CASE WHEN length({text}) >= {least} THEN {text} ELSE lpad({text}, {least}, '0') END"
    if least == 0:
        padded = f"CASE WHEN floor({value}) = 0 THEN '' ELSE {text} END"
    if "," in whole or "G" in whole.upper():
        padded = f"ltrim(regexp_replace(reverse(regexp_replace(reverse({padded}), '(\\d{{3}})', '\\1,', 'g')), '^,', ''), ',')"
    width = len(whole)
    number = f"({padded})"
    if scale:
        number += f" || '.' || lpad(CAST(CAST(round(({value} - floor({value})) * 1e{scale}) AS BIGINT) AS VARCHAR), {scale}, '0')"
        width += 1 + scale
    dollar = "$" if "$" in mask else ""
    made = _signed(sql, f"'{dollar}' || {number}", width + len(dollar), match)
    # A number with more digits than the mask has places for is shown by none.
    room = len(digits) if digits else 38
    return f"(CASE WHEN {value} >= 1e{room} THEN repeat('#', {width + len(dollar) + 1}) ELSE {made} END)"


def _signed(sql: str, number: str, width: int, mask: re.Match[str]) -> str:
    """The text of a number without its sign, filled up to a width, with its sign where the mask has it (S, MI or nothing)."""
    filled, before, after = mask[1] is None, mask[2].upper(), (mask[6] or "").upper()
    plus = "'+'" if "S" in before + after else "' '" if filled else "''"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE {plus} END"
    if after:
        body = f"({number} || {sign})"
    elif "MI" in before:
        return f"({sign} || {_filled(f'({number})', width if filled else 0)})"
    else:
        body = f"({sign} || {number})"
    return _filled(body, width + 1 if filled else 0)


def _filled(text: str, width: int) -> str:
    return f"(CASE WHEN length({text}) < {width} THEN lpad({text}, {width}, ' ') ELSE {text} END)" if width else text
