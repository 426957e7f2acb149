"""IDENTIFIER(…) and options that are binds, in statements that are no queries: `DROP TABLE IDENTIFIER($name)`, `ON_ERROR = ?`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

# In these the translator reads it; in blocks each statement does when its turn comes.
_READ_ELSEWHERE = frozenset(
    {"SELECT", "WITH", "VALUES", "(", "INSERT", "UPDATE", "DELETE", "MERGE", "BEGIN", "DECLARE", "CALL", "EXECUTE", "USE", "PUT", "GET", ""}
)  # fmt: skip
_OPTION = re.compile(r"=\s*\?")
_MENTIONS = re.compile(r"\bIDENTIFIER\s*\(", re.IGNORECASE)


def with_names(session: Session, text: str, tokens: TokenStream, binds: list[Any]) -> tuple[str, list[Any]]:
    """The text with the names that IDENTIFIER gives and with bound options in their places, and the binds that are left.

    Raises:
        SqlCompilationError: its argument is no text, bind or variable (001015).
    """
    if tokens.word() in _READ_ELSEWHERE or not (_MENTIONS.search(text) or (binds and _OPTION.search(text))):
        return text, binds
    parts, end, left, place = [], 0, list(binds), 0
    stream = TokenStream(text)
    while stream:
        if stream.word() == "IDENTIFIER" and stream.word(1) == "(":
            start = stream.next().start
            argument = stream.skip_parenthesis().strip()
            name, used = _named(session, argument, left[place] if place < len(left) else None)
            if used:
                del left[place]
            parts.append(text[end:start] + name)
            end = stream.tokens[stream.index - 1].end + 1
            continue
        before = stream.tokens[stream.index - 1].text if stream.index else ""
        token = stream.next()
        if token.text != "?":
            continue
        if before == "=" and place < len(left) and isinstance(left[place], str | int):
            value = left.pop(place)
            parts.append(text[end : token.start] + (literal(value) if isinstance(value, str) else str(value)))
            end = token.end + 1
        else:
            place += 1
    return "".join(parts) + text[end:], left


def _named(session: Session, argument: str, bind: Any) -> tuple[str, bool]:
    """The name that an argument means, and whether it was the bind."""
    if argument == "?" or re.fullmatch(r":\d+", argument):
        value, used = bind, True
    elif argument.startswith("$") and not argument.startswith("$$"):
        value, used = session.variables.get(argument[1:].upper()), False
    else:
        value, used = TokenStream(argument).string(), False
    if not isinstance(value, str) or not value.strip():
        raise SqlCompilationError("argument to IDENTIFIER must be a constant text", 1015, "42601")
    # It is a name and nothing else: what follows a name in it is refused.
    stream = TokenStream(value)
    stream.accept("@")
    stream.name()
    stream.end()
    return value, used
