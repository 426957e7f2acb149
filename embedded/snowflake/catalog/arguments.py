"""Types and argument lists as written in DDL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedded.snowflake.errors import unsupported
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import DataType, parse_type

# Words that continue a type's name, and the word that each has to stand before (none: any).
_CONTINUES = {
    "PRECISION": (),
    "VARYING": (),
    "WITH": ("LOCAL", "TIME"),
    "WITHOUT": ("TIME",),
    "LOCAL": ("TIME",),
    "ZONE": (),
}


@dataclass(frozen=True)
class Argument:
    """An argument of a policy, function or procedure; `default` is SQL text or None."""

    name: str
    type: DataType
    default: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The argument as an object's body keeps it."""
        return {"name": self.name, "type": str(self.type), "default": self.default}


def read_type(tokens: TokenStream, timestamp: str = "TIMESTAMP_NTZ") -> DataType:
    """Read a data type; a bare TIMESTAMP is of the type given (TIMESTAMP_TYPE_MAPPING).

    Raises:
        SqlCompilationError: no type of Snowflake (002040).
    """
    words = [tokens.next().text]
    words = [timestamp] if words[0].upper() == "TIMESTAMP" and tokens.word() not in ("WITH", "WITHOUT") else words
    while (word := tokens.word()) and _continues(tokens, word):
        words.append(tokens.next().text)
    numbers = f"({tokens.skip_parenthesis()})" if tokens.at("(") else ""
    # TIMESTAMP(3) WITH TIME ZONE has its precision in the middle.
    while numbers and (word := tokens.word()) in ("WITH", "WITHOUT") and _continues(tokens, word):
        words.append(tokens.next().text)
        while tokens.word() in ("LOCAL", "TIME", "ZONE"):
            words.append(tokens.next().text)
    return parse_type(" ".join(words) + numbers)


def _continues(tokens: TokenStream, word: str) -> bool:
    if word == "TIME":
        return tokens.word(1) == "ZONE"
    before = _CONTINUES.get(word)
    return before is not None and (not before or tokens.word(1) in before)


def read_arguments(tokens: TokenStream) -> list[Argument]:
    """Read `(name type [DEFAULT expression], …)`."""
    return tokens.parenthesized(lambda: _read_argument(tokens))


def _read_argument(tokens: TokenStream) -> Argument:
    if tokens.word() in ("IN", "INPUT") and tokens.peek(2) is not None and tokens.word(1) not in (",", ")", "("):
        tokens.next()
    name = tokens.identifier()
    if tokens.word() in ("OUT", "OUTPUT", "INOUT"):
        raise unsupported(f"argument {tokens.word()}")
    _ = tokens.accept("IN") or tokens.accept("INPUT")
    kind = read_type(tokens)
    default = read_expression(tokens, frozenset()) if tokens.accept("DEFAULT") else None
    return Argument(name, kind, default)


def read_expression(tokens: TokenStream, stops: frozenset[str]) -> str:
    """Take the source text of an expression: to a comma, a closing parenthesis or a stop word outside of parentheses."""
    start, depth = tokens.next(), 0
    depth += start.text == "("
    end = start
    while tokens:
        word = tokens.word()
        if depth == 0 and (word in (",", ")") or word in stops or (word == "NOT" and tokens.word(1) == "NULL")):
            break
        end = tokens.next()
        depth += {"(": 1, ")": -1}.get(word, 0)
    return tokens.text[start.start : end.end + 1]


def signature(arguments: list[dict[str, Any]], *, names: bool = False) -> str:
    """The argument list as Snowflake prints it: `(NUMBER, VARCHAR)`, or with names `(A NUMBER, B VARCHAR)`."""
    parts = [(f"{item['name']} " if names else "") + parse_type(item["type"]).bare for item in arguments]
    return "(" + ", ".join(parts) + ")"
