"""From a query's text to sqlglot's tree, with Snowflake's function calls left as they were written.

sqlglot turns functions of all dialects to its own nodes (`NVL` to Coalesce, `DATEADD` to DateAdd with its unit rewritten …), which
loses what Snowflake's own rules need. Its compiled parser cannot be subclassed, so the tokens are prepared instead: a
function's name gets a mark that no function table knows, and the parser then keeps the call as Anonymous. Each SELECT token
gets its number as a comment, by which the source text of its columns is found again (an unnamed column is named by it).
"""

from __future__ import annotations

import itertools
from functools import lru_cache

from sqlglot import Dialect, ErrorLevel, exp
from sqlglot.errors import ParseError
from sqlglot.tokens import Token, TokenType

from embedded.snowflake.errors import SnowflakeError, syntax_error, unsupported
from embedded.snowflake.sql.outer_marks import join_marked
from embedded.snowflake.tokens import tokenize

MARK = "\x01"
_SNOWFLAKE = Dialect.get_or_raise("snowflake")
_PARSER = _SNOWFLAKE.parser_class
_OWN_SYNTAX = {"AND", "OR", "CAST", "TRY_CAST", "EXTRACT", "POSITION", "CASE", "ANY", "EXISTS", "ROLLUP", "CUBE"}
_FUNCTIONS = (
    set(_PARSER.FUNCTIONS) | set(_PARSER.FUNCTION_PARSERS) | set(_PARSER.NO_PAREN_FUNCTION_PARSERS)
) - _OWN_SYNTAX
_NO_NAME = {TokenType.STRING, TokenType.RAW_STRING, TokenType.IDENTIFIER, TokenType.NUMBER}
# After these a word with a parenthesis is a type, a column list or a star's REPLACE.
_NO_CALL_AFTER = {TokenType.DCOLON, TokenType.ALIAS, TokenType.STAR, TokenType.DOT}
# After these `*` means all columns; after anything else it multiplies.
_BEFORE_ALL_COLUMNS = {
    TokenType.SELECT,
    TokenType.DISTINCT,
    TokenType.ALL,
    TokenType.COMMA,
    TokenType.DOT,
    TokenType.L_PAREN,
    TokenType.L_BRACE,
}


def parse_query(text: str) -> exp.Expr:
    """Parse a query: SELECT, WITH, VALUES, set operations, parentheses.

    Raises:
        SqlCompilationError: it does not parse (001003).
    """
    return _parse(text, None)


def parse_expression(text: str) -> exp.Expr:
    """Parse one expression, as a policy's body or a column's default.

    Raises:
        SqlCompilationError: it does not parse (001003).
    """
    select = _parse(f"select {text}", None)
    if not isinstance(select, exp.Select) or len(select.expressions) != 1 or select.args.get("from_") is not None:
        raise syntax_error(text.strip().split(" ", 1)[0])
    return select.expressions[0].copy()


@lru_cache(maxsize=4096)
def parse_cached(text: str) -> exp.Expr:
    """`parse_query`, remembered; the tree is shared and not to be changed."""
    return parse_query(text)


def parse_statement(text: str, tokens: list[Token] | None = None) -> exp.Expr:
    """Parse any statement that sqlglot knows (INSERT, MERGE …), with function calls kept as written.

    Raises:
        SqlCompilationError: it does not parse (001003).
    """
    return _parse(text, tokens)


def _parse(text: str, tokens: list[Token] | None) -> exp.Expr:
    prepared, texts = _prepare(text, tokenize(text) if tokens is None else tokens)
    parser = _PARSER(dialect=_SNOWFLAKE, error_level=ErrorLevel.IMMEDIATE)
    try:
        trees = parser.parse(prepared, text)
    except ParseError:
        raise _unexpected(text, parser._curr) from None
    except RecursionError:
        raise SnowflakeError("SQL compilation error:\nstatement is nested too deeply", 1003) from None
    if len(trees) != 1 or trees[0] is None:
        raise syntax_error(";" if len(trees) > 1 else "<EOF>")
    _name_columns(trees[0], texts)
    join_marked(trees[0], text)
    return trees[0]


def _unexpected(text: str, token: Token | None) -> SnowflakeError:
    """The syntax error at a token of a text, or at its end."""
    text = text.rstrip()
    start, near = len(text), "<EOF>"
    if token is not None and token.token_type != TokenType.SENTINEL:
        start, near = token.start, text[token.start : token.end + 1]
    line_start = text.rfind("\n", 0, start) + 1
    return syntax_error(near, text.count("\n", 0, start) + 1, start - line_start)


def _prepare(text: str, tokens: list[Token]) -> tuple[list[Token], list[list[str]]]:
    prepared: list[Token] = []
    texts: list[list[str]] = []
    tokens = _subsets_as_definitions(_operators_as_calls(tokens))
    tokens = _without_ends([part for token in tokens for part in _split(token)])
    _check_lists(text, tokens)
    for index, token in enumerate(tokens):
        if token.token_type == TokenType.SELECT:
            token = _copy(token, token.token_type, token.text, [f"@{len(texts)}"])
            texts.append(_column_texts(text, tokens, index + 1))
        elif _is_call(tokens, index):
            token = _copy(token, TokenType.VAR, token.text + MARK, [])
        elif token.comments:
            token = _copy(token, token.token_type, token.text, [])
        prepared.append(token)
    while prepared and prepared[-1].token_type == TokenType.SEMICOLON:
        prepared.pop()
    return prepared, texts


def _check_lists(text: str, tokens: list[Token]) -> None:
    """Refuse a select list without columns and a list with a gap, which sqlglot lets pass.

    Raises:
        SqlCompilationError: FROM comes right after SELECT, or two commas outside of brackets (001003).
    """
    brackets = 0
    if tokens and tokens[-1].token_type == TokenType.SELECT:
        raise _unexpected(text, None)
    for token, following in itertools.pairwise(tokens):
        kind = token.token_type
        brackets += (kind == TokenType.L_BRACKET) - (kind == TokenType.R_BRACKET)
        gap = kind == following.token_type == TokenType.COMMA and not brackets
        if gap or (kind == TokenType.SELECT and following.token_type == TokenType.FROM):
            raise _unexpected(text, following)


# Words that are operators after an operand and calls anywhere else.
_OPERATORS = {"LIKE", "ILIKE", "RLIKE", "REGEXP", "XOR", "COLLATE", "FILTER"}
_STARTS = {
    TokenType.SELECT,
    TokenType.DISTINCT,
    TokenType.COMMA,
    TokenType.L_PAREN,
    TokenType.WHERE,
    TokenType.AND,
    TokenType.OR,
    TokenType.WHEN,
    TokenType.THEN,
    TokenType.ELSE,
    TokenType.ON,
    TokenType.HAVING,
    TokenType.QUALIFY,
}


def _split(token: Token) -> list[Token]:
    """A token, or the two that `?::`, an operator of another dialect, is in Snowflake."""
    if token.text != "?::" or token.token_type in _NO_NAME:
        return [token]
    place = Token(TokenType.PLACEHOLDER, "?", token.line, token.col - 2, token.start, token.start)
    return [place, Token(TokenType.DCOLON, "::", token.line, token.col, token.start + 1, token.end)]


def _without_ends(tokens: list[Token]) -> list[Token]:
    """The tokens with `NTH_VALUE(…) FROM FIRST` as NTH_VALUE and `… FROM LAST` as a function of its own: sqlglot knows neither.

    Raises:
        SnowflakeError: ORDER SIBLINGS BY (000002).
    """
    words = [token.text.upper() for token in tokens]
    if "SIBLINGS" in words and words[words.index("SIBLINGS") - 1] == "ORDER":
        raise unsupported("ORDER SIBLINGS BY")
    if "NTH_VALUE" not in words:
        return tokens
    found = list(tokens)
    for place in [
        i for i, word in enumerate(words) if word == "FROM" and words[i + 1 : i + 2] in (["FIRST"], ["LAST"])
    ]:
        start = _call_that_ends(tokens, place - 1)
        if start is None or words[start] != "NTH_VALUE":
            continue
        if words[place + 1] == "LAST":
            found[start] = _copy(tokens[start], TokenType.VAR, NTH_FROM_LAST, [])
        found[place] = found[place + 1] = None  # type: ignore[call-overload]
    return [token for token in found if token is not None]


# The operators of hierarchical queries, which are made calls of these names.
ROOT, PRIOR = "CONNECT_BY_ROOT", "PRIOR"


def _operators_as_calls(tokens: list[Token]) -> list[Token]:
    """The tokens of a query with CONNECT BY with `PRIOR a.b` as `PRIOR(a.b)`: sqlglot knows it in some places only."""
    if not any(token.text.upper() == "CONNECT BY" and token.token_type not in _NO_NAME for token in tokens):
        return tokens
    made: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        after = tokens[index] if index < len(tokens) else None
        if token.text.upper() not in (ROOT, PRIOR) or token.token_type in _NO_NAME or after is None:
            made.append(token)
            continue
        made.append(_copy(token, TokenType.VAR, token.text + MARK, []))
        if after.token_type == TokenType.L_PAREN:
            continue
        end = index + 1
        while end + 1 < len(tokens) and tokens[end].token_type == TokenType.DOT:
            end += 2
        made.append(_copy(after, TokenType.L_PAREN, "(", []))
        made += tokens[index:end]
        made.append(_copy(tokens[end - 1], TokenType.R_PAREN, ")", []))
        index = end
    return made


# What a name of SUBSET begins with among the definitions.
SUBSET = "~subset "


def _subsets_as_definitions(tokens: list[Token]) -> list[Token]:
    """The tokens with `SUBSET s = (a, b)` of MATCH_RECOGNIZE as entries of its DEFINE, which sqlglot knows."""
    words = [token.text.upper() if token.token_type not in _NO_NAME else "" for token in tokens]
    if "SUBSET" not in words or "MATCH_RECOGNIZE" not in words:
        return tokens
    made, inside, depth = [], False, 0
    for index, token in enumerate(tokens):
        if words[index] == "SUBSET" and words[index - 1] == ")" and words[index + 2 : index + 3] == ["="]:
            inside, depth = True, 0
            made.append(_copy(token, TokenType.VAR, "DEFINE", []))
            continue
        if inside:
            depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
            after = words[index + 1 : index + 2]
            if depth < 0 or words[index] == "DEFINE":
                inside = False
                token = token if depth < 0 else _copy(token, TokenType.COMMA, ",", [])
            elif depth == 0 and after == ["="]:
                quoted = token.token_type == TokenType.IDENTIFIER
                token = _copy(token, TokenType.IDENTIFIER, SUBSET + (token.text if quoted else token.text.upper()), [])
            elif depth == 0 and words[index] == "=":
                token = _copy(token, TokenType.ALIAS, "AS", [])
        made.append(token)
    return made


# What the call NTH_VALUE(…) FROM LAST is named: nothing that SQL can write.
NTH_FROM_LAST = "NTH_VALUE FROM LAST"


def _call_that_ends(tokens: list[Token], place: int) -> int | None:
    """Where the name of the call stands whose closing parenthesis is at a place."""
    depth = 0
    for index in range(place, 0, -1):
        depth += (tokens[index].token_type in _CLOSE) - (tokens[index].token_type in _OPEN)
        if depth == 0:
            return index - 1 if tokens[index].token_type == TokenType.L_PAREN else None
    return None


def _copy(token: Token, kind: TokenType, text: str, comments: list[str]) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end, comments)


def _is_call(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if index + 1 >= len(tokens) or tokens[index + 1].token_type != TokenType.L_PAREN or token.token_type in _NO_NAME:
        return False
    if token.text.upper() not in _FUNCTIONS:
        return False
    before = tokens[index - 1] if index else None
    if before is None:
        return True
    if token.text.upper() == "INSERT" and before.token_type == TokenType.THEN:
        # MERGE … WHEN NOT MATCHED THEN INSERT (columns)
        return False
    if token.text.upper() in _OPERATORS and before.token_type not in _STARTS:
        return False
    if before.token_type == TokenType.STAR and index > 1 and tokens[index - 2].token_type not in _BEFORE_ALL_COLUMNS:
        return True  # a product
    if before.token_type == TokenType.ALIAS and index > 2 and tokens[index - 3].text.upper() in ("DEFINE", ","):
        return True  # DEFINE a AS lag(b) …
    replaces_star = token.text.upper() == "REPLACE" and (
        before.token_type in (TokenType.R_PAREN, TokenType.STRING) or tokens[index - 2].text.upper() == "EXCLUDE"
    )
    return before.token_type not in _NO_CALL_AFTER and not replaces_star


def _column_texts(text: str, tokens: list[Token], start: int) -> list[str]:
    """The source texts of a select list whose first token is at `start`."""
    index, depth, begin, found = start, 0, start, []
    if start < len(tokens) and tokens[start].token_type in (TokenType.DISTINCT, TokenType.ALL):
        index = begin = start + 1
    while index < len(tokens):
        kind = tokens[index].token_type
        if depth == 0 and (kind in _LIST_END or kind == TokenType.COMMA):
            if index > begin:
                found.append(text[tokens[begin].start : tokens[index - 1].end + 1])
            begin = index + 1
            if kind != TokenType.COMMA:
                return found
        depth += kind in _OPEN
        depth -= kind in _CLOSE
        if depth < 0:
            break
        index += 1
    if index > begin:
        found.append(text[tokens[begin].start : tokens[index - 1].end + 1])
    return found


_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_LIST_END = {
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.QUALIFY,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
    TokenType.FETCH,
    TokenType.UNION,
    TokenType.EXCEPT,
    TokenType.INTERSECT,
    TokenType.SEMICOLON,
    TokenType.INTO,
}


def _name_columns(tree: exp.Expr, texts: list[list[str]]) -> None:
    """Give each select's columns their source text, as `meta['text']`."""
    for select in tree.find_all(exp.Select):
        number = next((c[1:] for c in select.comments or [] if c.startswith("@") and c[1:].isdigit()), None)
        select.comments = None
        if number is None:
            continue
        for column, source in zip(select.expressions, texts[int(number)], strict=False):
            column.meta["text"] = source
