"""Digests, encodings, and functions of texts that are done in Python (`sql/native.py`)."""

from __future__ import annotations

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.sql.functions.registry import Call, function, template
from embedded.snowflake.sql.typed import Typed, integer, number, varchar
from embedded.snowflake.types import BINARY, OBJECT, VARCHAR, DataType

_TEXT = VARCHAR

# names | DuckDB text | result | argument types
_TEMPLATES: list[tuple[str, str, DataType, tuple[DataType | None, ...]]] = [
    ("MD5_BINARY", "unhex(md5({0}))", BINARY, (_TEXT,)),
    ("SHA1_BINARY", "unhex(sha1({0}))", BINARY, (_TEXT,)),
    ("TRY_BASE64_DECODE_STRING", "TRY(decode(from_base64({0})))", _TEXT, (_TEXT,)),
    ("TRY_BASE64_DECODE_BINARY", "TRY(from_base64({0}))", BINARY, (_TEXT,)),
    ("TRY_HEX_DECODE_STRING", "TRY(decode(unhex({0})))", _TEXT, (_TEXT,)),
    ("TRY_HEX_DECODE_BINARY", "TRY(unhex({0}))", BINARY, (_TEXT,)),
    ("SOUNDEX", "py_soundex({0})", varchar(4), (_TEXT,)),
    ("SOUNDEX_P123", "py_soundex_p123({0})", varchar(4), (_TEXT,)),
    ("DECOMPRESS_STRING", "decode(py_decompress({0}, {1}))", _TEXT, (BINARY, _TEXT)),
    ("DECOMPRESS_BINARY", "py_decompress({0}, {1})", BINARY, (BINARY, _TEXT)),
]
for _names, _text, _result, _kinds in _TEMPLATES:
    template(_names, _text, _result, *_kinds)


def as_bytes(call: Call, index: int) -> str:
    """An argument as bytes: a text's are those of UTF-8."""
    value = call.arg(index)
    return value.sql if value.type.kind == "BINARY" else f"encode({call.text(index)})"


@function("MD5_NUMBER_LOWER64", "MD5_NUMBER_UPPER64", args=1)
def md5_number(call: Call) -> Typed:
    """Half of the MD5 digest as a number."""
    return integer(f"py_md5_half({as_bytes(call, 0)}, {str('UPPER' in call.name).lower()})", 20)


@function("SHA2", "SHA2_HEX", "SHA2_BINARY", args=(1, 2))
def sha2(call: Call) -> Typed:
    """The SHA-2 digest, of 256 bits unless told otherwise.

    Raises:
        SqlCompilationError: there is no digest of so many bits (001015).
    """
    bits = int(str(call.constant(1, 256))) or 256
    if bits not in (224, 256, 384, 512):
        raise SqlCompilationError(f"Invalid digest size {bits} for function {call.name}", 1015, "22023")
    text = f"sha256({as_bytes(call, 0)})" if bits == 256 else f"py_sha2({as_bytes(call, 0)}, {bits})"
    return Typed(f"unhex({text})", BINARY) if call.name == "SHA2_BINARY" else Typed(text, varchar(bits // 4))


@function("COMPRESS", args=2)
def compress(call: Call) -> Typed:
    """Bytes of a text or binary value, compressed."""
    return Typed(f"py_compress({as_bytes(call, 0)}, {call.text(1)})", BINARY)


@function("PARSE_URL", "TRY_PARSE_URL", args=(1, 2))
def parse_url(call: Call) -> Typed:
    """The parts of a URL as an object."""
    lenient = call.name.startswith("TRY_") or str(call.constant(1, 0)) == "1"
    return Typed(f"CAST(py_parse_url({call.text(0)}, {str(lenient).lower()}) AS JSON)", OBJECT)


@function("PARSE_IP", "TRY_PARSE_IP", args=(2, 3))
def parse_ip(call: Call) -> Typed:
    """The parts of an IP address as an object."""
    lenient, permissive = call.name.startswith("TRY_"), str(call.constant(2, 0)) == "1"
    flags = f"{str(lenient).lower()}, {str(permissive).lower()}"
    return Typed(f"CAST(py_parse_ip({call.text(0)}, {flags}) AS JSON)", OBJECT)


@function("UUID_STRING", args=(0, 2))
def uuid_string(call: Call) -> Typed:
    """A random UUID, or that of a name in a namespace."""
    if call.nodes:
        return Typed(f"py_named_uuid({call.text(0)}, {call.text(1)})", varchar(36))
    call.binder.context.reads.volatile = True
    return Typed("CAST(uuid() AS VARCHAR)", varchar(36), False)


@function("INITCAP", args=(1, 2))
def initcap(call: Call) -> Typed:
    """Each word with a capital; words end at blanks and punctuation, or at the characters given."""
    delimiters = call.text(1) if len(call) == 2 else literal('!?@"^#$&~_,.:;+-*%/|\\[](){}<> \t\n\f\r\v' + "'")
    return Typed(f"py_initcap({call.text(0)}, {delimiters})", VARCHAR)


@function("BITMAP_BUCKET_NUMBER", "BITMAP_BIT_POSITION", args=1)
def bitmap_place(call: Call) -> Typed:
    """The bitmap of 32,768 bits that a number's bit is in, or its place there."""
    value = f"CAST({call.number(0).sql} AS BIGINT)"
    if call.name == "BITMAP_BUCKET_NUMBER":
        return integer(f"(CASE WHEN {value} > 0 THEN ({value} - 1) // 32768 + 1 ELSE {value} // 32768 END)", 38)
    return integer(f"(CASE WHEN {value} > 0 THEN ({value} - 1) % 32768 ELSE abs({value}) % 32768 END)", 38)


@function("ZIPF", args=3)
def zipf(call: Call) -> Typed:
    """A random number of 1 to n by Zipf's law, decided by a third argument."""
    exponent, count, seed = call.constant(0), int(str(call.constant(1))), call.number(2).sql
    if not isinstance(count, int) or not 0 < count <= 16_777_215:
        raise SqlCompilationError("Invalid value for parameter N of function ZIPF", 1015, "22023")
    share = f"((hash({seed}) % 1000000007) / 1000000007.0)"
    power = float(str(exponent))
    # The inverse of the continuous distribution function stands in for the discrete one.
    inverse = (
        f"pow({count} + 1.0, {share})"
        if power == 1
        else f"pow(1 + {share} * (pow({count} + 1.0, {1 - power}) - 1), {1 / (1 - power)})"
    )
    return Typed(f"CAST(least(floor({inverse}), {count}) AS BIGINT)", number(38), exact=False)
