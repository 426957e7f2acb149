"""Which handler does a statement: found by its first words.

A handler registers under the words that name its statement: `@handles("CREATE", "STREAM")`. Words that may stand between
(OR REPLACE, TRANSIENT, SECURE …) are stepped over to find it; the handler reads them itself with `create_options`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot.tokens import TokenType

from embedded.snowflake.errors import syntax_error, unsupported
from embedded.snowflake.result import Result
from embedded.snowflake.tokens import TokenStream, tokenize

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@dataclass
class Statement:
    """One statement under way: its text, tokens, bind values (positional, Python values) and query id (a UUID)."""

    text: str
    tokens: TokenStream
    query_id: str
    binds: list[Any] = field(default_factory=list)
    describe_only: bool = False


Handler = Callable[["Session", Statement], Result]

MODIFIERS = frozenset(
    {
        "TRANSIENT",
        "TEMPORARY",
        "TEMP",
        "LOCAL",
        "GLOBAL",
        "VOLATILE",
        "SECURE",
        "RECURSIVE",
        "HYBRID",
        "READ",
        "ONLY",
        "SCOPED",
    }
)


@dataclass(frozen=True)
class Registration:
    """A handler; one that `commits` ends the session's open transaction first, as DDL does in Snowflake."""

    handler: Handler
    commits: bool


# First words of Snowflake's statements that no handler may do; any other word begins none.
_KNOWN_WORDS = frozenset(
    {
        *("ALTER", "CREATE", "DESC", "DESCRIBE", "DROP", "EXECUTE", "GRANT", "LIST", "LS", "REMOVE", "RM", "RESTORE"),
        *(
            "REVOKE",
            "SET",
            "SHOW",
            "UNDROP",
            "UNSET",
            "USE",
            "COPY",
            "PUT",
            "GET",
            "CALL",
            "EXPLAIN",
            "ADD",
            "SIMULATE",
        ),
    }
)
_HANDLERS: dict[tuple[str, ...], Registration] = {}


def handles(*words: str, commits: bool = False) -> Callable[[Handler], Handler]:
    """Register the decorated function for the statements that begin with these words."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[words] = Registration(handler, commits)
        return handler

    return register


@dataclass(frozen=True)
class CreateOptions:
    """What stands between CREATE and the kind."""

    or_replace: bool
    or_alter: bool
    modifiers: frozenset[str]


def create_options(tokens: TokenStream) -> CreateOptions:
    """Read `CREATE [OR REPLACE | OR ALTER] [modifiers]`, up to the kind."""
    tokens.expect("CREATE")
    or_replace = tokens.accept("OR", "REPLACE")
    or_alter = not or_replace and tokens.accept("OR", "ALTER")
    modifiers = set()
    while tokens.word() in MODIFIERS:
        modifiers.add(tokens.next().text.upper())
    return CreateOptions(or_replace, or_alter, frozenset(modifiers))


def if_exists(tokens: TokenStream) -> bool:
    """Read IF EXISTS if it comes next."""
    return tokens.accept("IF", "EXISTS")


def if_not_exists(tokens: TokenStream) -> bool:
    """Read IF NOT EXISTS if it comes next."""
    return tokens.accept("IF", "NOT", "EXISTS")


_FILE_COMMAND = re.compile(r"\s*(PUT|GET)\s", re.IGNORECASE)


def statement_tokens(text: str) -> TokenStream:
    """The tokens of a statement; of PUT and GET the first word only, since a path is no SQL (`/*` in it starts no comment).

    Raises:
        SnowflakeError: an unclosed string, comment or quoted name (001003).
    """
    command = _FILE_COMMAND.match(text)
    return TokenStream(text, tokenize(command[1]) if command else None)


def registration(tokens: TokenStream) -> Registration:
    """The handler for a statement: the longest registered run of its first words.

    Raises:
        SnowflakeError: no handler: unsupported, named by its first words (000002); or no statement at all (001003).
    """
    load_handlers()
    is_block = tokens.word() in ("BEGIN", "DECLARE")
    if not is_block and any(token.token_type == TokenType.DARROW for token in tokens.tokens):
        return _HANDLERS["->>",]
    words = _leading_words(tokens)
    for length in range(len(words), 0, -1):
        found = _HANDLERS.get(tuple(words[:length]))
        if found is not None:
            return found
    if not words:
        raise syntax_error("<EOF>") if not tokens else tokens.unexpected()
    if words[0] not in _KNOWN_WORDS and (words[0],) not in {key[:1] for key in _HANDLERS}:
        raise tokens.unexpected()
    raise unsupported(" ".join(words[:3]))


def _leading_words(tokens: TokenStream, limit: int = 5) -> list[str]:
    words: list[str] = []
    ahead = 0
    while len(words) < limit and (word := tokens.word(ahead)):
        ahead += 1
        if words == ["CREATE"] and (word in MODIFIERS or word in ("OR", "REPLACE", "ALTER")):
            continue
        words.append(word)
    return words


_loaded = False
_loading = threading.RLock()


def load_handlers() -> None:
    """Import the packages whose modules register handlers, once."""
    global _loaded
    if _loaded:
        return
    import embedded.snowflake.statements as package

    # Two sessions may come first at the same time: neither may look before all is there.
    with _loading:
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
        _loaded = True
