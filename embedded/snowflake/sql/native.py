"""Functions that DuckDB has no counterpart of, in Python: each takes and gives plain values, NULL stays NULL.

They are registered with an account's database under `py_…`; an error they raise begins with Snowflake's number in brackets.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
import urllib.parse
import uuid
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import orjson

from embedded.snowflake.sql import json_numbers
from embedded.snowflake.sql.row_pattern import match_rows


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def soundex(text: str) -> str:
    """The Soundex code of a name; a letter after a vowel counts again, H and W do not part letters."""
    return _soundex(text, parting="AEIOUY")


def soundex_p123(text: str) -> str:
    """The Soundex code where the first letter's own digit is kept when the second has the same."""
    return _soundex(text, parting="AEIOUY", with_first=True)


_SOUNDEX = {
    letter: digit
    for digit, letters in {"1": "BFPV", "2": "CGJKQSXZ", "3": "DT", "4": "L", "5": "MN", "6": "R"}.items()
    for letter in letters
}


def _soundex(text: str, parting: str, with_first: bool = False) -> str:
    letters = [letter for letter in text.upper() if letter.isascii() and letter.isalpha()]
    if not letters:
        return ""
    code, before = letters[0], "" if with_first else _SOUNDEX.get(letters[0], "")
    for letter in letters[1:]:
        digit = _SOUNDEX.get(letter, "")
        if digit and digit != before:
            code += digit
        if digit or letter in parting:
            before = digit
    return (code + "000")[:4]


def initcap(text: str, delimiters: str) -> str:
    """Each word with a capital and the rest in lower case; words end at any of the delimiters."""
    made, start = [], True
    for letter in text:
        made.append(letter.upper() if start else letter.lower())
        start = letter in delimiters
    return "".join(made)


def parse_url(url: str, lenient: bool) -> str | None:
    """The parts of a URL as a JSON object; a text without a scheme fails, or is None if lenient."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?\Z", url, re.DOTALL)
    if found is None:
        if lenient:
            return None
        raise ValueError(f"[100139] Error parsing URL: {url}")
    scheme, authority, path, query, fragment = found.groups()
    host, port = authority, None
    if authority is not None:
        host = authority.rpartition("@")[2]
        with_port = re.fullmatch(r"(.*):(\d*)", host)
        if with_port:
            host, port = with_port[1], with_port[2] or None
    parameters = None
    if query is not None:
        pairs = (part.partition("=") for part in query.split("&") if part)
        parameters = {urllib.parse.unquote_plus(key): urllib.parse.unquote_plus(value) for key, _, value in pairs}
    return _json(
        {
            "fragment": fragment,
            "host": host,
            "parameters": parameters,
            "path": path.removeprefix("/") or None,
            "port": port,
            "query": query,
            "scheme": scheme.lower(),
        }
    )


def parse_ip(text: str, lenient: bool, permissive: bool) -> str | None:
    """The parts of an IP address (with a prefix length or not) as a JSON object."""
    address, _, prefix = text.partition("/")
    try:
        ip = ipaddress.ip_address(address)
        network = ipaddress.ip_network(text, strict=False) if prefix else None
    except ValueError:
        if permissive:
            return _json({"error": f"Invalid IP address: {text}"})
        if lenient:
            return None
        raise ValueError(f"[100148] Error parsing IP address: {text}") from None
    found: dict[str, Any] = {
        "family": ip.version,
        "host": address,
        "ip_fields": [int(ip) >> shift & 0xFFFFFFFF for shift in ((96, 64, 32, 0) if ip.version == 6 else (0,))]
        + [0] * (0 if ip.version == 6 else 3),
        "ip_type": "inet",
        "netmask_prefix_length": int(prefix) if prefix else None,
        "snowflake$type": "ip_address",
    }
    name = "ipv4" if ip.version == 4 else "hex_ipv6"

    def shown(value: Any) -> Any:
        return int(value) if ip.version == 4 else f"{int(value):032X}"

    found[name] = shown(ip)
    if network is not None:
        found[f"{name}_range_start"] = shown(network.network_address)
        found[f"{name}_range_end"] = shown(network.broadcast_address)
    return _json(found)


def named_uuid(namespace: str, name: str) -> str:
    """The UUID (version 5) of a name in a namespace."""
    return str(uuid.uuid5(uuid.UUID(namespace), name))


def sha2(data: bytes, bits: int) -> str:
    """The SHA-2 digest of 224, 256, 384 or 512 bits, in hexadecimal."""
    return hashlib.new(f"sha{bits or 256}", data).hexdigest()


def compress(data: bytes, method: str) -> bytes:
    """Bytes compressed by ZLIB or BZ2 (with or without a level)."""
    name, level = _method(method)
    if name == "ZLIB":
        return zlib.compress(data, level)
    import bz2

    return bz2.compress(data, level)


def decompress(data: bytes, method: str) -> bytes:
    """Bytes that were compressed by ZLIB or BZ2."""
    name, _ = _method(method)
    try:
        if name == "ZLIB":
            return zlib.decompress(data)
        import bz2

        return bz2.decompress(data)
    except (zlib.error, OSError, ValueError):
        raise ValueError("[100141] Decompression failed") from None


def _method(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"\s*(ZLIB|BZ2)\s*(?:\(\s*(\d)\s*\))?\s*", text.upper())
    if found is None:
        raise ValueError(f"[000002] The local Snowflake does not compress by '{text}'; it knows ZLIB and BZ2.")
    return found[1], int(found[2] or (6 if found[1] == "ZLIB" else 9))


def format_number(text: str, mask: str) -> str:
    """A number by a mask that is hexadecimal (X), minimal (TM, TM9, TME) or scientific (EEEE)."""
    upper, value = mask.upper(), Decimal(text)
    lower = mask != upper
    if "X" in upper:
        width = len(upper) - upper.startswith("FM") * 2
        made = f"{int(value.to_integral_value()):X}"
        least = width - upper.removeprefix("FM").find("0") if "0" in upper else 0
        made = made.rjust(least, "0")
        made = made if upper.startswith("FM") else made.rjust(width)
        return made.lower() if lower else made
    if upper.startswith("TM"):
        if upper == "TME":
            digits = value.normalize().as_tuple()
            return (
                f"{value:.{max(len(digits.digits) - 1, 0)}E}".replace("E+", "E+0")
                if abs(value.adjusted()) < 10
                else f"{value:E}"
            )
        return format(value, "f")
    body = upper.partition("E")[0].removeprefix("FM").removeprefix("S")
    places = len(body.partition(".")[2])
    mantissa, _, exponent = f"{value:.{places}E}".partition("E")
    made = f"{mantissa}E{int(exponent):+03d}"
    return made if upper.startswith("FM") else ("" if value < 0 else " ") + made


def md5_half(data: bytes, upper: bool) -> int:
    """The upper or lower 64 bits of the MD5 digest, as an unsigned number."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8] if upper else digest[8:], "big")


# name in DuckDB: what it calls, the types of its arguments, the type of its result
FUNCTIONS: dict[str, tuple[Callable[..., Any], list[str], str]] = {
    "py_parse_json": (json_numbers.parse, ["VARCHAR", "BOOLEAN"], "VARCHAR"),
    "py_json_get": (json_numbers.get, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "py_json_members": (json_numbers.members, ["VARCHAR"], "VARCHAR[]"),
    "py_json_canonical": (json_numbers.canonical, ["VARCHAR"], "VARCHAR"),
    "py_json_distinct": (json_numbers.distinct, ["VARCHAR[]"], "VARCHAR[]"),
    "py_json_union": (json_numbers.union, ["VARCHAR[][]"], "VARCHAR[]"),
    "py_json_values": (json_numbers.values, ["VARCHAR"], "VARCHAR[]"),
    "py_soundex": (soundex, ["VARCHAR"], "VARCHAR"),
    "py_soundex_p123": (soundex_p123, ["VARCHAR"], "VARCHAR"),
    "py_initcap": (initcap, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "py_parse_url": (parse_url, ["VARCHAR", "BOOLEAN"], "VARCHAR"),
    "py_parse_ip": (parse_ip, ["VARCHAR", "BOOLEAN", "BOOLEAN"], "VARCHAR"),
    "py_named_uuid": (named_uuid, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "py_sha2": (sha2, ["BLOB", "INTEGER"], "VARCHAR"),
    "py_compress": (compress, ["BLOB", "VARCHAR"], "BLOB"),
    "py_decompress": (decompress, ["BLOB", "VARCHAR"], "BLOB"),
    "py_format_number": (format_number, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "py_match_rows": (
        match_rows,
        ["BIGINT[]", "VARCHAR"],
        "STRUCT(r BIGINT, m BIGINT, o BIGINT, s BIGINT, x BOOLEAN, l BOOLEAN)[]",
    ),
    "py_md5_half": (md5_half, ["BLOB", "BOOLEAN"], "UBIGINT"),
}


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NULL for NULL; it may give None of its own."""

    # Its signature is looked at: that of the wrapped function counts.
    @functools.wraps(function)
    def call(*values: Any) -> Any:
        return None if any(value is None for value in values) else function(*values)

    return call


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions with a database."""
    for name, (function, arguments, result) in FUNCTIONS.items():
        # Types and null handling are given as texts, which the library takes and its stubs do not know.
        register: Callable[..., Any] = connection.create_function
        register(name, _strict(function), arguments, result, null_handling="special")
