"""A text of several statements."""

from __future__ import annotations

from sqlglot.tokens import TokenType

from embedded.snowflake.scripting.parser import begins_block, end_of_block
from embedded.snowflake.session.dispatch import statement_tokens
from embedded.snowflake.tokens import TokenStream


def split(text: str) -> list[str]:
    """The statements of a text, without the semicolons between them; a scripting block is one statement, in CREATE too."""
    stream = statement_tokens(text)
    parts, start = [], 0
    while stream:
        if begins_block(stream) and _may_hold_block(stream):
            if not end_of_block(stream):
                # What is wrong with it is told when it runs, as one statement.
                break
        elif stream.next().token_type == TokenType.SEMICOLON:
            token = stream.tokens[stream.index - 1]
            parts.append(text[start : token.start])
            start = token.end + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if statement_tokens(part)]


def _may_hold_block(stream: TokenStream) -> bool:
    """Whether a block may stand here: at a statement's start, or after AS."""
    before = stream.tokens[stream.index - 1] if stream.index else None
    return before is None or before.token_type == TokenType.SEMICOLON or before.text.upper() == "AS"
