"""Points the SQL of a cloned object at the clone: bodies name the database that they were written for."""

from __future__ import annotations

import re
from typing import ClassVar

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokenizer_core import Token, TokenType

from logistics.sql import identifier

_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


class _Tokenizer(Snowflake.Tokenizer):
    """Snowflake's tokens, with those after CALL and EXECUTE too: by default the rest of a command is one text."""

    COMMANDS: ClassVar[set[TokenType]] = set()


def rebased(text: str, source: str, target: str) -> str:
    """Returns a statement or expression in which every `source.…` is `target.…`.

    Only what names the database is replaced: a name before a dot that no dot precedes, and a text that holds an object's
    whole name, as SYSTEM$STREAM_HAS_DATA takes it; comments and other texts stay.
    """
    tokens = _Tokenizer(dialect="snowflake").tokenize(text)
    found = text
    for index in reversed(range(len(tokens))):
        token = tokens[index]
        if token.token_type == TokenType.STRING:
            replaced = re.sub(rf'^"?{re.escape(source)}"?\.', f"{target}.", token.text, flags=re.IGNORECASE)
            if replaced != token.text:
                found = found[: token.start] + "'" + replaced.replace("'", "''") + "'" + found[token.end + 1 :]
        elif _names(tokens, index, source):
            found = found[: token.start] + identifier(target) + found[token.end + 1 :]
    return found


def _names(tokens: list[Token], index: int, source: str) -> bool:
    token = tokens[index]
    exact = token.token_type == TokenType.IDENTIFIER
    same = token.text == source if exact else token.text.upper() == source.upper()
    before = index > 0 and tokens[index - 1].token_type == TokenType.DOT
    after = index + 1 < len(tokens) and tokens[index + 1].token_type == TokenType.DOT
    return token.token_type in _NAMES and same and after and not before
