"""`:name` in SQL: which colons are variables, and what takes their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot.tokens import Token, TokenType

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import canonical
from embedded.snowflake.scripting.values import Value
from embedded.snowflake.tokens import TokenStream

# What a path's colon stands after, without a space: `column:key`, `f(x):key`, `list[0]:key`.
_OPERANDS = {TokenType.IDENTIFIER, TokenType.VAR, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STRING}
_VALUES = {TokenType.STRING, TokenType.RAW_STRING, TokenType.NUMBER}
# Statements whose handlers take bind values; others get literals.
_BINDING = {"SELECT", "WITH", "VALUES", "(", "INSERT", "UPDATE", "DELETE", "MERGE", "CALL"}


@dataclass(frozen=True)
class Reference:
    """A `:name` or `:record.column`: where it stands, and whether it stands alone in IDENTIFIER(…), which goes with it."""

    start: int
    end: int
    path: tuple[str, ...]
    names_object: bool


@lru_cache(maxsize=2048)
def references(text: str) -> tuple[Reference, ...]:
    """The variables that a text refers to, in order."""
    if ":" not in text:
        return ()
    tokens, found = TokenStream(text).tokens, []
    for index, token in enumerate(tokens):
        if token.token_type == TokenType.COLON and _is_variable(tokens, index):
            found.append(_reference(tokens, index))
    return tuple(found)


def _is_variable(tokens: Sequence[Token], index: int) -> bool:
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after is None or after.start != tokens[index].end + 1 or after.token_type in _VALUES:
        return False
    if not (after.text[:1].isalpha() or after.text[:1] == "_" or after.token_type == TokenType.IDENTIFIER):
        return False
    before = tokens[index - 1] if index else None
    return before is None or before.end + 1 != tokens[index].start or before.token_type not in _OPERANDS


def _name(token: Token) -> str:
    return canonical(token.text, token.token_type == TokenType.IDENTIFIER)


def _reference(tokens: Sequence[Token], index: int) -> Reference:
    first, path = tokens[index + 1], [_name(tokens[index + 1])]
    end, last = first.end + 1, index + 1
    if last + 2 < len(tokens) and tokens[last + 1].text == "." and tokens[last + 2].start == tokens[last + 1].end + 1:
        path.append(_name(tokens[last + 2]))
        end, last = tokens[last + 2].end + 1, last + 2
    start = tokens[index].start
    if index >= 2 and tokens[index - 1].text == "(" and tokens[index - 2].text.upper() == "IDENTIFIER":
        after = tokens[last + 1] if last + 1 < len(tokens) else None
        if after is not None and after.text == ")":
            return Reference(tokens[index - 2].start, after.end + 1, tuple(path), True)
    return Reference(start, end, tuple(path), False)


def substituted(
    text: str, lookup: Callable[[tuple[str, ...]], Value], given: Sequence[Any] = (), *, binding: bool | None = None
) -> tuple[str, list[Any]]:
    """A statement's text with its variables replaced, and the bind values to run it with.

    Args:
        text: one statement, or an expression.
        lookup: gives a variable's value by its path.
        given: the values of `?`.
        binding: whether variables become bind values; by default told from the first word.
    """
    found = references(text)
    if not found:
        return text, list(given)
    if binding is None:
        binding = TokenStream(text).word() in _BINDING
    binds, parts, at = list(given), [], 0
    for reference in found:
        parts.append(text[at : reference.start])
        value = lookup(reference.path)
        if reference.names_object:
            parts.append(_object_name(value))
        elif binding:
            binds.append(value.typed())
            parts.append(f":{len(binds)}")
        else:
            parts.append(value.literal())
        at = reference.end
    return "".join(parts) + text[at:], binds


def _object_name(value: Value) -> str:
    """The text of an object's name that a variable holds, checked to be one.

    Raises:
        SqlCompilationError: it is none (002076).
    """
    if not isinstance(value.value, str) or not value.value.strip():
        raise SqlCompilationError(f"Invalid identifier in IDENTIFIER(): '{value.value}'.", 2076, "42601")
    text = value.value.strip()
    tokens = TokenStream(text)
    if not text.startswith("@"):
        tokens.name()
        tokens.end()
    return text
