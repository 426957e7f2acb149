"""Regular expressions. Snowflake's are POSIX ERE with Perl's classes; DuckDB's RE2 reads the same but for back-references.

Parameters: c (case matters), i (it does not), m (multi-line), e (extract the first group), s (dot matches newline).
"""

from __future__ import annotations

import re

from embedded.snowflake.errors import unsupported
from embedded.snowflake.names import literal
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, boolean, integer
from embedded.snowflake.types import ARRAY, VARCHAR


def _pattern(call: Call, index: int, parameters: str, whole: bool = False) -> str:
    """The pattern's text with its flags put before it."""
    flags = "".join(flag for flag in ("i", "s", "m") if flag in parameters)
    if parameters.rfind("c") > parameters.rfind("i"):
        flags = flags.replace("i", "")
    prefix = f"(?{flags})" if flags else ""
    value = call.arg(index)
    if value.is_constant and isinstance(value.value, str):
        text = f"{prefix}^(?:{value.value})$" if whole else prefix + value.value
        return literal(text.replace("^(?:", r"\A(?:").replace(")$", r")\z") if whole else text)
    text = call.text(index)
    return f"('{prefix}\\A(?:' || {text} || ')\\z')" if whole else (f"('{prefix}' || {text})" if prefix else text)


def _parameters(call: Call, index: int) -> str:
    return str(call.constant(index, "c")).lower()


@function("REGEXP_LIKE", "RLIKE", "REGEXP", args=(2, 3))
def regexp_like(call: Call) -> Typed:
    """Whether the whole text matches."""
    return boolean(f"regexp_matches({call.text(0)}, {_pattern(call, 1, _parameters(call, 2), whole=True)})")


def _from(call: Call, index: int) -> str:
    """The subject from the place given by an argument on."""
    place = call.constant(index, 1)
    return call.text(0) if place == 1 else f"substr({call.text(0)}, {call.number(index).sql})"


@function("REGEXP_SUBSTR", "REGEXP_EXTRACT", args=(2, 6))
def regexp_substr(call: Call) -> Typed:
    """The nth match, or a group of it; NULL if there is none."""
    parameters = _parameters(call, 4)
    group = int(str(call.constant(5, 1 if "e" in parameters else 0)))
    matches = f"regexp_extract_all({_from(call, 2)}, {_pattern(call, 1, parameters)}, {group})"
    return Typed(f"{matches}[{call.number(3).sql if len(call) > 3 else 1}]", VARCHAR)


@function("REGEXP_SUBSTR_ALL", "REGEXP_EXTRACT_ALL", args=(2, 6))
def regexp_substr_all(call: Call) -> Typed:
    """All matches from the nth on, as an array."""
    parameters = _parameters(call, 4)
    group = int(str(call.constant(5, 1 if "e" in parameters else 0)))
    matches = f"regexp_extract_all({_from(call, 2)}, {_pattern(call, 1, parameters)}, {group})"
    first = int(str(call.constant(3, 1)))
    return Typed(f"to_json({matches}[{first}:])" if first > 1 else f"to_json({matches})", ARRAY)


@function("REGEXP_COUNT", args=(2, 4))
def regexp_count(call: Call) -> Typed:
    """The number of matches."""
    return integer(f"len(regexp_extract_all({_from(call, 2)}, {_pattern(call, 1, _parameters(call, 3))}))")


@function("REGEXP_REPLACE", args=(2, 6))
def regexp_replace(call: Call) -> Typed:
    """The text with its matches, or the nth one, replaced; `\\1` is the first group."""
    parameters, occurrence = _parameters(call, 5), int(str(call.constant(4, 0)))
    pattern = _pattern(call, 1, parameters)
    new = _replacement(call)
    place = call.constant(3, 1)
    subject = _from(call, 3)
    if occurrence > 1:
        # Everything up to the match wanted is skipped by finding where it starts.
        at = _match_position(subject, pattern, occurrence)
        made = (
            f"(CASE WHEN {at} = 0 THEN {subject} ELSE left({subject}, {at} - 1) || "
            f"regexp_replace(substr({subject}, {at}), {pattern}, {new}) END)"
        )
    else:
        made = f"regexp_replace({subject}, {pattern}, {new}{', ' + literal('g') if occurrence == 0 else ''})"
    if place != 1:
        made = f"(left({call.text(0)}, {call.number(3).sql} - 1) || {made})"
    return Typed(made, VARCHAR)


def _replacement(call: Call) -> str:
    if len(call) < 3:
        return "''"
    value = call.arg(2)
    if value.is_constant and isinstance(value.value, str):
        # `\\N` stays a group; any other backslash is one of the text.
        return literal(re.sub(r"\\(?![0-9\\])", r"\\\\", value.value))
    return call.text(2)


def _group_position(call: Call, subject: str, parameters: str, wanted: tuple[int, int, bool], at: str) -> str:
    """DuckDB text of where a group of the nth match begins or ends: what the match has before the group is made a group too.

    Raises:
        SnowflakeError: the pattern is no literal, or the group stands inside another or beside a `|` (000002).
    """
    occurrence, group, end = wanted
    value = call.arg(1)
    place = _top_group(str(value.value), group) if value.is_constant else None
    if place is None:
        raise unsupported("REGEXP_INSTR of a group inside a group, beside a |, or of a pattern that is no literal")
    text = str(value.value)
    flags = _pattern(call, 1, parameters).removesuffix(literal(text)[1:]) + "'"
    around = f"({flags} || {literal('(' + text[:place] + ')' + text[place:])})"
    parts = f"regexp_extract_all({subject}, {around}, {{}})[{occurrence}]"
    before = f"length({parts.format(1)})" + (f" + length({parts.format(group + 1)})" if end else "")
    return f"(CASE WHEN {at} = 0 THEN 0 ELSE {at} + {before} END)"


_PIECE = re.compile(r"\\.|\[\^?\]?(?:\[:\w+:\]|[^\]])*\]|\((?!\?)|\(|\)|\|", re.DOTALL)


def _top_group(pattern: str, wanted: int) -> int | None:
    """Where the nth capturing group begins; None if it is inside another or the pattern has alternatives."""
    depth = count = 0
    found = None
    for piece in _PIECE.finditer(pattern):
        if piece[0] == "(":
            captures = pattern[piece.end() : piece.end() + 1] != "?"
            count += captures
            if captures and count == wanted:
                found = piece.start() if depth == 0 else None
            depth += 1
        elif piece[0] == ")":
            depth -= 1
        elif piece[0] == "|" and depth == 0:
            return None
    return found


def _match_position(subject: str, pattern: str, occurrence: int) -> str:
    """DuckDB text of where the nth match begins, from 1; 0 if there is none."""
    parts = f"string_split_regex({subject}, {pattern})"
    matches = f"regexp_extract_all({subject}, {pattern})"
    lengths = (
        f"list_sum(list_transform({parts}[1:{occurrence}], lambda x: length(x))) + "
        f"coalesce(list_sum(list_transform({matches}[1:{occurrence - 1}], lambda x: length(x))), 0) + 1"
    )
    return f"(CASE WHEN len({matches}) < {occurrence} THEN 0 ELSE CAST({lengths} AS BIGINT) END)"


@function("REGEXP_INSTR", args=(2, 7))
def regexp_instr(call: Call) -> Typed:
    """Where the nth match begins, or ends; 0 if there is none."""
    parameters, occurrence, end = _parameters(call, 5), int(str(call.constant(3, 1))), int(str(call.constant(4, 0)))
    pattern, subject = _pattern(call, 1, parameters), _from(call, 2)
    at = _match_position(subject, pattern, occurrence)
    group = int(str(call.constant(6, 1 if "e" in parameters else 0)))
    if group:
        at = _group_position(call, subject, parameters, (occurrence, group, bool(end)), at)
    elif end:
        at = f"(CASE WHEN {at} = 0 THEN 0 ELSE {at} + length(regexp_extract_all({subject}, {pattern})[{occurrence}]) END)"
    if call.constant(2, 1) != 1:
        at = f"(CASE WHEN {at} = 0 THEN 0 ELSE {at} + {call.number(2).sql} - 1 END)"
    return integer(at)
