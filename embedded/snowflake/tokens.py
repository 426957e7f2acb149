"""A statement's tokens, read one after the other by the grammars of the control statements.

sqlglot's tokenizer knows Snowflake's comments, strings and quoted names; its parser does not know most control statements
(CREATE STREAM, ALTER TASK, GRANT ROLE …), so those are read here, and an embedded query, condition or policy body is
handed on as the source text from an offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from sqlglot import Dialect
from sqlglot.tokens import Token, TokenType

from embedded.snowflake.errors import SnowflakeError, parse_error, syntax_error
from embedded.snowflake.names import ObjectName, canonical
from embedded.snowflake.remembered import by_text

T = TypeVar("T")
_SNOWFLAKE = Dialect.get_or_raise("snowflake")
_COMMANDS = {TokenType.COMMAND, TokenType.EXECUTE, TokenType.FETCH, TokenType.RENAME}
_WORDLESS = {TokenType.STRING, TokenType.RAW_STRING, TokenType.NUMBER, TokenType.IDENTIFIER}


def tokenize(text: str) -> list[Token]:
    """Split a text in tokens as sqlglot's parser takes them, comments left out; the tokens are shared and not to be changed.

    Raises:
        SnowflakeError: an unclosed string, comment or quoted name.
    """
    return list(_tokens(text))


@by_text
def _tokens(text: str) -> tuple[Token, ...]:
    try:
        return tuple(_SNOWFLAKE.tokenize(text))
    except Exception as error:
        raise parse_error(text.rstrip()) from error


def _words(text: str, token: Token) -> list[Token]:
    if token.token_type in _WORDLESS or " " not in token.text:
        return [token]
    return [
        Token(
            TokenType.VAR, match[0], token.line, token.col, token.start + match.start(), token.start + match.end() - 1
        )
        for match in re.finditer(r"\S+", text[token.start : token.end + 1])
    ]


def _read_commands(text: str, tokens: list[Token]) -> list[Token]:
    """Tokenize what sqlglot takes as one string after words that it calls commands (EXECUTE, CALL, EXPLAIN …)."""
    found: list[Token] = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        if before is None or before.token_type not in _COMMANDS or token.token_type != TokenType.STRING:
            found.append(token)
            continue
        start = text.index(token.text, before.end + 1) if token.text else len(text)
        for inner in tokenize(token.text):
            shifted = (inner.start + start, inner.end + start)
            found.append(Token(inner.token_type, inner.text, inner.line, inner.col, *shifted))
    return found


class TokenStream:
    """A cursor over the tokens of one statement; keywords of several words (PRIMARY KEY) are a token a word."""

    def __init__(self, text: str, tokens: list[Token] | None = None) -> None:
        self.text = text
        whole = _read_commands(text, tokenize(text)) if tokens is None else tokens
        self.tokens = [word for token in whole for word in _words(text, token)]
        while self.tokens and self.tokens[-1].token_type == TokenType.SEMICOLON:
            self.tokens = self.tokens[:-1]
        self.index = 0

    def __bool__(self) -> bool:
        return self.index < len(self.tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """The token `ahead` places on, or None past the end."""
        at = self.index + ahead
        return self.tokens[at] if at < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str:
        """The upper-case text of a token that is no string, number or quoted name; else the empty text."""
        token = self.peek(ahead)
        return "" if token is None or token.token_type in _WORDLESS else token.text.upper()

    def at(self, *words: str) -> bool:
        """Whether the next tokens are these words."""
        return all(self.word(i) == word for i, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Step over these words if they come next, and say whether they did."""
        if not self.at(*words):
            return False
        self.index += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Step over these words.

        Raises:
            SqlCompilationError: something else comes next (001003).
        """
        for word in words:
            if not self.accept(word):
                raise self.unexpected()

    def next(self) -> Token:
        """Step over the next token and give it."""
        token = self.peek()
        if token is None:
            raise self.unexpected()
        self.index += 1
        return token

    def unexpected(self) -> SnowflakeError:
        """The syntax error for what comes next."""
        token = self.peek()
        if token is None:
            return syntax_error("<EOF>", self.text.count("\n") + 1, len(self.text) - self.text.rfind("\n") - 1)
        line_start = self.text.rfind("\n", 0, token.start) + 1
        return syntax_error(token.text, self.text.count("\n", 0, token.start) + 1, token.start - line_start)

    def end(self) -> None:
        """Make sure nothing is left.

        Raises:
            SqlCompilationError: something is (001003).
        """
        if self:
            raise self.unexpected()

    def identifier(self) -> str:
        """Read one identifier, quoted or not, in canonical form; `IDENTIFIER('…')` is read through."""
        token = self.next()
        if token.token_type == TokenType.IDENTIFIER:
            return canonical(token.text, quoted=True)
        if token.token_type in _WORDLESS or not (token.text[:1].isalpha() or token.text[:1] == "_"):
            self.index -= 1
            raise self.unexpected()
        return canonical(token.text, quoted=False)

    def name(self) -> ObjectName:
        """Read a name of one to three parts."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        if len(parts) > 3:
            raise self.unexpected()
        return ObjectName.of(parts)

    def string(self) -> str:
        """Read a single-quoted or dollar-quoted string, escapes resolved."""
        token = self.next()
        if token.token_type not in (TokenType.STRING, TokenType.RAW_STRING):
            self.index -= 1
            raise self.unexpected()
        return token.text

    def number(self) -> int:
        """Read an integer, with a sign if it has one."""
        sign = -1 if self.accept("-") else 1
        token = self.next()
        if token.token_type != TokenType.NUMBER or not token.text.isdigit():
            self.index -= 1
            raise self.unexpected()
        return sign * int(token.text)

    def parenthesized(self, item: Callable[[], T]) -> list[T]:
        """Read `(item, item, …)`; the list may be empty."""
        self.expect("(")
        items: list[T] = []
        while not self.accept(")"):
            if items:
                self.expect(",")
            items.append(item())
        return items

    def skip_parenthesis(self) -> str:
        """Step over a balanced parenthesis and give the source text inside it."""
        self.expect("(")
        start, depth = self.tokens[self.index - 1].end + 1, 1
        while depth:
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.token_type not in _WORDLESS else 0
        return self.text[start : self.tokens[self.index - 1].start]

    def rest_in_place(self) -> str:
        """Take the same as `rest`, with blanks for what is before it: errors in it tell their place in the whole text."""
        start = self.tokens[self.index].start if self else 0
        return "".join("\n" if letter == "\n" else " " for letter in self.text[:start]) + self.rest()

    def rest(self) -> str:
        """Take the source text from the next token to the end of the last one."""
        if not self:
            return ""
        start, self.index = self.tokens[self.index].start, len(self.tokens)
        return self.text[start : self.tokens[-1].end + 1]
