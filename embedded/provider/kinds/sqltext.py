"""Find the query inside the text of a CREATE statement that Snowflake shows."""

import re

# One token: quoted name, literal, dollar literal, comment, word, or any other letter.
_TOKEN = re.compile(
    r'"(?:[^"]|"")*"|\'(?:[^\'\\]|\'\'|\\.)*\'|\$\$.*?\$\$|--[^\n]*|/\*.*?\*/|\w+|\s+|.',
    re.DOTALL,
)


def _after_as(text: str, start: int = 0) -> str:
    """Return what follows the first AS outside of quotes, comments and parentheses."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        word = token.group(0)
        depth += (word == "(") - (word == ")")
        if depth == 0 and word.upper() == "AS":
            return text[token.end() :].strip()
    return text.strip()


def body_of_view(text: str) -> str:
    """Return the query of ``CREATE … VIEW … AS query``."""
    return _after_as(text)


def body_of_dynamic_table(text: str) -> str:
    """Return the query of ``create dynamic table … as query``."""
    return _after_as(text)
