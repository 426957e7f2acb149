"""Readers of property values: what may stand after `KEY =`, and what of it the catalog keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.tokens import TokenStream

Reader = Callable[[TokenStream], Any]

_TEXT = ("STRING", "RAW_STRING")
_TRUTH = {"TRUE": True, "ON": True, "YES": True, "FALSE": False, "OFF": False, "NO": False}


def invalid_value(value: str, name: str) -> SqlCompilationError:
    """The error for a property value that is not one of those allowed (001008)."""
    return SqlCompilationError(f"invalid value [{value}] for parameter '{name}'", 1008, "22023")


def invalid_property(name: str, kind: str) -> SqlCompilationError:
    """The error for a property that the kind does not have (001420)."""
    return SqlCompilationError(f"invalid property '{name}' for '{kind}'", 1420, "22023")


def at_string(tokens: TokenStream) -> bool:
    """Whether a string comes next."""
    token = tokens.peek()
    return token is not None and token.token_type.name in _TEXT


def text(tokens: TokenStream) -> str:
    """A string; a word, number or name stands for its own text."""
    if at_string(tokens):
        return tokens.string()
    sign = "-" if tokens.accept("-") else ""
    value = tokens.next().text
    while tokens.accept("."):
        value += "." + tokens.next().text
    return sign + value


def nullable_text(tokens: TokenStream) -> str | None:
    """A string, or NULL."""
    return None if tokens.accept("NULL") else text(tokens)


def boolean(tokens: TokenStream) -> bool:
    """TRUE or FALSE, bare or quoted."""
    token = tokens.peek()
    value = text(tokens).upper()
    if value not in _TRUTH:
        raise invalid_value(value, "" if token is None else token.text)
    return _TRUTH[value]


def integer(tokens: TokenStream) -> int | None:
    """A whole number, bare or quoted, or NULL."""
    if tokens.accept("NULL"):
        return None
    written = text(tokens)
    try:
        return int(written)
    except ValueError:
        raise invalid_value(written, "integer") from None


def identifier(tokens: TokenStream) -> str | None:
    """The canonical name of an account object, bare, quoted or in a string; NULL for none."""
    if tokens.accept("NULL"):
        return None
    if at_string(tokens):
        return TokenStream(written).identifier() if (written := tokens.string()) else ""
    return tokens.identifier()


def name(tokens: TokenStream) -> str:
    """A name of one to three parts, as Snowflake prints it."""
    if at_string(tokens):
        return str(TokenStream(tokens.string()).name())
    return str(tokens.name())


def word(*allowed: str) -> Reader:
    """A reader of one of these words, bare or quoted; none given means any word."""

    def read(tokens: TokenStream) -> str:
        value = text(tokens).upper()
        if allowed and value not in allowed:
            raise invalid_value(value, "|".join(allowed))
        return value

    return read


def list_of(item: Reader) -> Reader:
    """A reader of `(item, …)`; a single item needs no parentheses, NULL is the empty list."""

    def read(tokens: TokenStream) -> list[Any]:
        if tokens.accept("NULL"):
            return []
        return tokens.parenthesized(lambda: item(tokens)) if tokens.at("(") else [item(tokens)]

    return read


texts = list_of(text)
identifiers = list_of(identifier)
names = list_of(name)


def options(readers: Mapping[str, Reader] | None = None) -> Reader:
    """A reader of `(KEY = value …)`, commas or not; without readers any key is taken, its value as text or a list."""

    def read(tokens: TokenStream) -> dict[str, Any]:
        if tokens.accept("NULL"):
            return {}
        tokens.expect("(")
        found: dict[str, Any] = {}
        while not tokens.accept(")"):
            key = tokens.identifier()
            tokens.expect("=")
            if readers is not None and key not in readers:
                raise invalid_property(key, "options")
            found[key] = readers[key](tokens) if readers is not None else free(tokens)
            tokens.accept(",")
        return found

    return read


def free(tokens: TokenStream) -> Any:
    """A value of any shape: a number, a truth value, text, or a list of such."""
    if tokens.at("("):
        follows_key = tokens.peek(2)
        if follows_key is not None and follows_key.text == "=":
            return options()(tokens)
        return tokens.parenthesized(lambda: free(tokens))
    token = tokens.peek()
    if token is not None and token.token_type.name == "NUMBER" and token.text.isdigit():
        return int(tokens.next().text)
    if tokens.word() in ("TRUE", "FALSE"):
        return tokens.next().text.upper() == "TRUE"
    if tokens.accept("NULL"):
        return None
    return text(tokens)


@dataclass(frozen=True)
class Property:
    """A property of a kind: how its value is read, and what it is when it was never set."""

    read: Reader
    default: Any = None


def read_properties(tokens: TokenStream, allowed: Mapping[str, Property], kind: str) -> dict[str, Any]:
    """Read `KEY = value` as often as it comes, with commas or without.

    Raises:
        SqlCompilationError: a key that the kind does not have (001420), or a value that is none of its (001008).
    """
    found: dict[str, Any] = {}
    while tokens:
        key, after = tokens.word(), tokens.peek(1)
        if key not in allowed:
            if key and after is not None and after.text == "=":
                raise invalid_property(key, kind)
            break
        tokens.next()
        tokens.accept("=")
        try:
            found[key] = allowed[key].read(tokens)
        except SqlCompilationError as error:
            if error.errno != 1008:
                raise
            raise SqlCompilationError(
                f"{error.message.partition(' for parameter')[0].partition(chr(10))[2]} for parameter '{key}'",
                1008,
                "22023",
            ) from None
        tokens.accept(",")
    return found


def read_keys(tokens: TokenStream, allowed: Mapping[str, Property], kind: str) -> list[str]:
    """Read `KEY, KEY …`, as after UNSET.

    Raises:
        SqlCompilationError: a key that the kind does not have (001420).
    """
    keys: list[str] = []
    while tokens:
        key = tokens.word()
        if key not in allowed:
            if not key or (keys and tokens.tokens[tokens.index - 1].text != ","):
                break
            raise invalid_property(key, kind)
        tokens.next()
        keys.append(key)
        tokens.accept(",")
    return keys
