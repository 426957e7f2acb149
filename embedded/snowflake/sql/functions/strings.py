"""Text and binary functions."""

from __future__ import annotations

from embedded.snowflake.errors import unsupported
from embedded.snowflake.sql.functions.registry import Call, function, template
from embedded.snowflake.sql.typed import Typed, boolean, integer, number, varchar
from embedded.snowflake.types import ARRAY, BINARY, BOOLEAN, NUMBER, VARCHAR, DataType

_INT = number(18)
_TEXT = VARCHAR

# names | DuckDB text | result | argument types | least arguments
_TEMPLATES: list[tuple[str, str, DataType, tuple[DataType | None, ...], int | None]] = [
    ("UPPER", "replace(upper({0}), 'ẞ', 'SS')", _TEXT, (_TEXT,), None),
    ("LOWER", "lower({0})", _TEXT, (_TEXT,), None),
    ("REVERSE", "reverse({0})", _TEXT, (_TEXT,), None),
    ("REPEAT", "repeat({0}, CAST({1} AS BIGINT))", _TEXT, (_TEXT, NUMBER), None),
    ("SPACE", "repeat(' ', CAST({0} AS BIGINT))", _TEXT, (NUMBER,), None),
    ("LEFT", "left({0}, CAST(greatest({1}, 0) AS BIGINT))", _TEXT, (_TEXT, NUMBER), None),
    ("RIGHT", "right({0}, CAST(greatest({1}, 0) AS BIGINT))", _TEXT, (_TEXT, NUMBER), None),
    ("STARTSWITH STARTS_WITH", "starts_with({0}, {1})", BOOLEAN, (_TEXT, _TEXT), None),
    ("ENDSWITH ENDS_WITH", "ends_with({0}, {1})", BOOLEAN, (_TEXT, _TEXT), None),
    ("CONTAINS", "contains({0}, {1})", BOOLEAN, (_TEXT, _TEXT), None),
    ("CHR CHAR", "chr(CAST({0} AS INTEGER))", _TEXT, (NUMBER,), None),
    ("ASCII", "(CASE WHEN {0} = '' THEN 0 ELSE ascii({0}) END)", _INT, (_TEXT,), None),
    ("UNICODE", "(CASE WHEN {0} = '' THEN 0 ELSE unicode({0}) END)", _INT, (_TEXT,), None),
    ("TRANSLATE", "translate({0}, {1}, {2})", _TEXT, (_TEXT, _TEXT, _TEXT), None),
    ("MD5 MD5_HEX", "md5({0})", varchar(32), (_TEXT,), None),
    ("SHA1 SHA1_HEX", "sha1({0})", varchar(40), (_TEXT,), None),
    ("BASE64_ENCODE", "base64(encode({0}))", _TEXT, (_TEXT,), None),
    ("BASE64_DECODE_STRING", "decode(from_base64({0}))", _TEXT, (_TEXT,), None),
    ("BASE64_DECODE_BINARY", "from_base64({0})", BINARY, (_TEXT,), None),
    ("HEX_DECODE_STRING", "decode(unhex({0}))", _TEXT, (_TEXT,), None),
    ("HEX_DECODE_BINARY", "unhex({0})", BINARY, (_TEXT,), None),
    (
        "JAROWINKLER_SIMILARITY",
        "CAST(floor(100 * jaro_winkler_similarity(upper({0}), upper({1}))) AS BIGINT)",
        number(18),
        (_TEXT, _TEXT),
        None,
    ),
    (
        "STRTOK_TO_ARRAY",
        "to_json(list_filter(string_split_regex({0}, '[' || regexp_escape({1}) || ']'), lambda x: x <> ''))",
        ARRAY,
        (_TEXT, _TEXT),
        None,
    ),
    (
        "STRING_TO_ARRAY",
        "to_json(CASE WHEN {1} = '' THEN [{0}] ELSE string_split({0}, {1}) END)",
        ARRAY,
        (_TEXT, _TEXT),
        None,
    ),
    ("RTRIMMED_LENGTH", "length(rtrim({0}, ' '))", NUMBER, (_TEXT,), None),
    ("SPLIT", "to_json(CASE WHEN {1} = '' THEN [{0}] ELSE string_split({0}, {1}) END)", ARRAY, (_TEXT, _TEXT), None),
]
for _names, _text, _result, _kinds, _least in _TEMPLATES:
    template(_names, _text, _result, *_kinds, least=_least, exact=_result.kind != "NUMBER")


_LENGTHS = {
    **dict.fromkeys(("LENGTH", "LEN", "CHAR_LENGTH", "CHARACTER_LENGTH"), ("length({x})", "octet_length({x})")),
    "OCTET_LENGTH": ("octet_length(encode({x}))", "octet_length({x})"),
    "BIT_LENGTH": ("(8 * octet_length(encode({x})))", "(8 * octet_length({x}))"),
}


@function(*_LENGTHS, args=1)
def length(call: Call) -> Typed:
    """The length of a text in characters, bytes or bits, or of a binary value in bytes or bits."""
    is_binary = call.arg(0).type.kind == "BINARY"
    value = call.arg(0).sql if is_binary else call.text(0)
    return integer(_LENGTHS[call.name][is_binary].format(x=value), 18, call.arg(0).nullable)


@function("EDITDISTANCE", args=(2, 3))
def edit_distance(call: Call) -> Typed:
    """How many letters must be put in, taken out or changed; at most the third argument."""
    distance = f"levenshtein({call.text(0)}, {call.text(1)})"
    most = f"least({distance}, CAST({call.number(2).sql} AS BIGINT))" if len(call) == 3 else distance
    return integer(f"(CASE WHEN {call.text(0)} IS NOT NULL AND {call.text(1)} IS NOT NULL THEN {most} END)")


@function("CONCAT", args=(1, None))
def concat(call: Call) -> Typed:
    """Texts joined; NULL if any is. Binary values stay binary."""
    if all(arg.type.kind == "BINARY" for arg in call.args()):
        return Typed("(" + " || ".join(arg.sql for arg in call.args()) + ")", BINARY)
    parts = [call.text(index) for index in range(len(call))]
    return Typed(f"({' || '.join(parts)})", VARCHAR, any(arg.nullable for arg in call.args()))


@function("CONCAT_WS", args=(2, None))
def concat_ws(call: Call) -> Typed:
    """Texts joined with a separator; NULL if any is."""
    separator, parts = call.text(0), [call.text(index) for index in range(1, len(call))]
    return Typed("(" + f" || {separator} || ".join(parts) + ")", VARCHAR)


@function("SUBSTR", "SUBSTRING", "MID", args=(2, 3))
def substr(call: Call) -> Typed:
    """A part of a text, from a place (1 is the first, negative from the end)."""
    text, start = call.text(0), call.number(1).sql
    place = f"CASE WHEN {start} = 0 THEN 1 ELSE CAST({start} AS BIGINT) END"
    if len(call) == 2:
        return Typed(f"substr({text}, {place})", VARCHAR)
    return Typed(f"substr({text}, {place}, CAST(greatest({call.number(2).sql}, 0) AS BIGINT))", VARCHAR)


@function("TRIM", "LTRIM", "RTRIM", args=(1, 2))
def trim(call: Call) -> Typed:
    """The text without blanks, or without some characters, at its ends."""
    characters = f", {call.text(1)}" if len(call) == 2 else ""
    return Typed(f"{call.name.lower()}({call.text(0)}{characters})", VARCHAR)


@function("LPAD", "RPAD", args=(2, 3))
def pad(call: Call) -> Typed:
    """The text made as long as wanted."""
    fill = call.text(2) if len(call) == 3 else "' '"
    return Typed(
        f"{call.name.lower()}({call.text(0)}, CAST(greatest({call.number(1).sql}, 0) AS INTEGER), {fill})", VARCHAR
    )


@function("REPLACE", args=(2, 3))
def replace(call: Call) -> Typed:
    """The text with each occurrence of another replaced, or taken out."""
    new = call.text(2) if len(call) == 3 else "''"
    text, old = call.text(0), call.text(1)
    return Typed(f"replace({text}, {old}, {new})", VARCHAR)


@function("INSERT", args=4)
def insert(call: Call) -> Typed:
    """The text with a part of it replaced."""
    text, start, length, new = call.text(0), call.number(1).sql, call.number(2).sql, call.text(3)
    made = f"left({text}, CAST({start} - 1 AS BIGINT)) || {new} || substr({text}, CAST({start} + {length} AS BIGINT))"
    error = "sf_error('100065', 'Invalid position or length in INSERT: they count from 1 and from 0')"
    return Typed(f"(CASE WHEN {start} < 1 OR {length} < 0 THEN {error} ELSE {made} END)", VARCHAR)


@function("POSITION", "CHARINDEX", args=(2, 3))
def position(call: Call) -> Typed:
    """Where a text is found in another, from 1; 0 if it is not."""
    needle, text = call.text(0), call.text(1)
    if len(call) == 2:
        return integer(f"strpos({text}, {needle})")
    start = f"CAST(greatest({call.number(2).sql}, 1) AS BIGINT)"
    found = f"strpos(substr({text}, {start}), {needle})"
    return integer(f"(CASE WHEN {found} = 0 THEN 0 ELSE {found} + {start} - 1 END)")


@function("SPLIT_PART", args=3)
def split_part(call: Call) -> Typed:
    """The nth part of a text; negative counts from the end, empty when there are fewer; an empty separator parts nothing."""
    text, place = call.text(0), f"CAST({call.number(2).sql} AS BIGINT)"
    part = f"split_part({text}, {call.text(1)}, CASE WHEN {place} = 0 THEN 1 ELSE {place} END)"
    whole = f"CASE WHEN {place} IN (-1, 0, 1) THEN {text} ELSE '' END"
    return Typed(f"(CASE WHEN {call.text(1)} = '' THEN {whole} ELSE {part} END)", VARCHAR)


@function("STRTOK", args=(1, 3))
def strtok(call: Call) -> Typed:
    """The nth token of a text split at any of some characters; NULL when there are fewer."""
    characters = call.text(1) if len(call) > 1 else "' '"
    place = call.number(2).sql if len(call) > 2 else "1"
    # Without delimiters the text is one token: a character that no text has stands for them.
    delimiters = f"regexp_escape(coalesce(nullif({characters}, ''), chr(1)))"
    tokens = f"list_filter(string_split_regex({call.text(0)}, '[' || {delimiters} || ']'), lambda x: x <> '')"
    return Typed(f"({tokens})[CAST({place} AS BIGINT)]", VARCHAR)


@function("HEX_ENCODE", args=(1, 2))
def hex_encode(call: Call) -> Typed:
    """The bytes of a text or binary value in hexadecimal."""
    text = f"hex({call.arg(0).sql})" if call.arg(0).type.kind == "BINARY" else f"hex({call.text(0)})"
    return Typed(f"lower({text})" if call.constant(1, 1) == 0 else text, VARCHAR)


@function("TO_BINARY", "TRY_TO_BINARY", args=(1, 2))
def to_binary(call: Call) -> Typed:
    """A text as bytes, in the form named: HEX, UTF-8 or BASE64; TRY_ gives NULL where it is not of the form."""
    if call.arg(0).type.kind == "BINARY":
        return call.arg(0)
    form = str(call.constant(1, "HEX")).upper().replace("-", "")
    function_name = {"HEX": "unhex", "UTF8": "encode", "BASE64": "from_base64"}.get(form)
    if function_name is None:
        raise unsupported(f"TO_BINARY format {form}")
    text = f"{function_name}({call.text(0)})"
    return Typed(f"TRY({text})" if call.name.startswith("TRY_") else text, BINARY)


@function("ILIKE", "LIKE", args=(2, 3))
def like(call: Call) -> Typed:
    """LIKE in the form of a call."""
    tail = f" ESCAPE {call.text(2)}" if len(call) == 3 else ""
    return boolean(f"({call.text(0)} {call.name} {call.text(1)}{tail})")


@function("RANDSTR", args=2)
def randstr(call: Call) -> Typed:
    """A random text of a length."""
    call.binder.context.reads.volatile = True
    seed = call.number(1).sql
    return Typed(
        f"left(md5(CAST({seed} AS VARCHAR) || 'a') || md5(CAST({seed} AS VARCHAR) || 'b'), CAST({call.number(0).sql} AS BIGINT))",
        VARCHAR,
    )
