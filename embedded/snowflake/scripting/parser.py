"""From a block's text to its tree."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sqlglot.tokens import TokenType

from embedded.snowflake.catalog.arguments import read_type
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import canonical
from embedded.snowflake.scripting import nodes
from embedded.snowflake.scripting.nodes import Block, Branch, Handler, Node, Query
from embedded.snowflake.tokens import TokenStream

_OPEN, _CLOSE = {"(", "[", "{"}, {")", "]", "}"}
_LOOP_WORDS = {"LOOP", "WHILE", "REPEAT", "FOR"}


@lru_cache(maxsize=512)
def parse_block(text: str) -> Block:
    """Parse a text that is one block.

    Raises:
        SnowflakeError: it does not parse (001003).
    """
    parser = Parser(TokenStream(text))
    block = parser.block()
    parser.tokens.end()
    return block


def begins_block(tokens: TokenStream) -> bool:
    """Whether a block comes next: DECLARE, or a BEGIN that starts no transaction."""
    if tokens.at("DECLARE"):
        return True
    if not tokens.at("BEGIN"):
        return False
    after = tokens.peek(1)
    if after is None or after.token_type == TokenType.SEMICOLON or tokens.word(1) in ("TRANSACTION", "WORK"):
        return False
    return not (tokens.word(1) == "NAME" and tokens.word(2) not in (":=",))


def end_of_block(tokens: TokenStream) -> bool:
    """Step over a block that comes next; False, with nothing stepped over, if it does not parse."""
    from embedded.snowflake.errors import SnowflakeError

    start = tokens.index
    try:
        Parser(tokens).block()
    except SnowflakeError:
        tokens.index = start
        return False
    return True


class Parser:
    """Reads blocks and their statements from tokens."""

    def __init__(self, tokens: TokenStream) -> None:
        self.tokens = tokens
        self.labels: list[str] = []

    # -- blocks

    def block(self) -> Block:
        """Read `[DECLARE …] BEGIN … [EXCEPTION …] END [label]`."""
        tokens, start = self.tokens, self._start()
        declarations: list[Node] = []
        if tokens.accept("DECLARE"):
            while not tokens.at("BEGIN"):
                declarations.append(self._declaration())
                tokens.expect(";")
        tokens.expect("BEGIN")
        body = self.statements("EXCEPTION", "END")
        handlers = self._handlers() if tokens.accept("EXCEPTION") else ()
        tokens.expect("END")
        label = self._label()
        end = tokens.tokens[tokens.index - 1].end + 1
        return Block(start, tokens.text, tuple(declarations), body, handlers, label, end)

    def statements(self, *ends: str) -> tuple[Node, ...]:
        """Read statements up to one of these words.

        Raises:
            SnowflakeError: there is none, or a statement does not parse (001003).
        """
        found: list[Node] = []
        while not any(self.tokens.at(word) for word in ends):
            found.append(self.statement())
            self.tokens.expect(";")
        if not found:
            raise self.tokens.unexpected()
        return tuple(found)

    def _handlers(self) -> tuple[Handler, ...]:
        found = []
        while self.tokens.accept("WHEN"):
            names = [self.tokens.identifier()]
            while self.tokens.accept("OR"):
                names.append(self.tokens.identifier())
            goes_on = self.tokens.accept("CONTINUE")
            if not goes_on:
                self.tokens.accept("EXIT")
            self.tokens.expect("THEN")
            found.append(Handler(tuple(names), self.statements("WHEN", "END"), goes_on))
        if not found:
            raise self.tokens.unexpected()
        return tuple(found)

    def _label(self) -> str:
        return "" if not self.tokens or self.tokens.word() in (";", "") else self.tokens.identifier()

    def _start(self) -> int:
        token = self.tokens.peek()
        if token is None:
            raise self.tokens.unexpected()
        return token.start

    # -- declarations

    def _declaration(self) -> Node:
        if self.tokens.word(1) == "EXCEPTION":
            return self._exception()
        if self.tokens.word(1) == "PROCEDURE":
            raise unsupported("procedures nested in a block")
        return self._variable(self._start())

    def _exception(self) -> Node:
        start, name = self._start(), self.tokens.identifier()
        self.tokens.expect("EXCEPTION")
        if not self.tokens.accept("("):
            return nodes.ExceptionDeclaration(start, name)
        number, message = self.tokens.number(), ""
        if self.tokens.accept(","):
            message = self.tokens.string()
        self.tokens.expect(")")
        if not -20999 <= number <= -20000:
            raise SqlCompilationError(
                f"Invalid exception number '{number}': it must be between -20999 and -20000.", 1003, "42601"
            )
        return nodes.ExceptionDeclaration(start, name, number, message)

    def _variable(self, start: int) -> Node:
        """Read what follows LET, or stands in DECLARE: a variable, cursor or RESULTSET."""
        tokens, name = self.tokens, self.tokens.identifier()
        if tokens.accept("CURSOR"):
            tokens.expect("FOR")
            if tokens.peek(1) is None or tokens.word(1) == ";":
                return nodes.CursorDeclaration(start, name, resultset=tokens.identifier())
            return nodes.CursorDeclaration(start, name, self._query(frozenset({";"})))
        if tokens.accept("RESULTSET"):
            given = tokens.accept(":=") or tokens.accept("DEFAULT")
            return nodes.ResultSetDeclaration(start, name, self.query_value() if given else None)
        if tokens.at(";"):
            raise tokens.unexpected()
        kind = None if tokens.at(":=") or tokens.at("DEFAULT") else read_type(tokens)
        given = tokens.accept(":=") or tokens.accept("DEFAULT")
        if kind is None and not given:
            raise tokens.unexpected()
        return nodes.Variable(start, name, kind, self.expression(";") if given else None)

    def query_value(self) -> Query:
        """Read `[ASYNC] (query)`, the value of a RESULTSET."""
        asynchronous = self.tokens.accept("ASYNC")
        self.tokens.expect("(")
        query = self._query(frozenset({")"}), asynchronous)
        self.tokens.expect(")")
        return query

    def _query(self, stops: frozenset[str], asynchronous: bool = False) -> Query:
        if self.tokens.accept("EXECUTE", "IMMEDIATE"):
            text = self.expression("USING", *stops)
            return Query(text, True, self._using(), asynchronous)
        return Query(self.expression(*stops), asynchronous=asynchronous)

    def _using(self) -> tuple[str, ...]:
        if not self.tokens.accept("USING"):
            return ()
        return tuple(self.tokens.parenthesized(lambda: self.expression(",", ")")))

    # -- text

    def expression(self, *stops: str) -> str:
        """Take the source text up to one of these words outside of parentheses and CASE … END.

        Raises:
            SnowflakeError: nothing stands there (001003).
        """
        tokens, depth, cases = self.tokens, 0, 0
        begin = tokens.index
        while tokens:
            word = tokens.word()
            if depth == 0 and cases == 0 and word in stops:
                break
            if word == "CASE" and tokens.word(-1) != "END":
                cases += 1
            elif word == "END" and cases:
                cases -= 1
            depth += (word in _OPEN) - (word in _CLOSE)
            if depth < 0:
                raise tokens.unexpected()
            tokens.index += 1
        if tokens.index == begin:
            raise tokens.unexpected()
        return tokens.text[tokens.tokens[begin].start : tokens.tokens[tokens.index - 1].end + 1]

    # -- statements

    def statement(self) -> Node:
        """Read one statement, up to its semicolon."""
        word = self.tokens.word()
        if self.tokens.word(1) == ":=":
            return self._assign()
        read = _STATEMENTS.get(word)
        if word == "BEGIN" and not begins_block(self.tokens):
            read = None
        if word == "NULL" and self.tokens.word(1) != ";":
            raise self.tokens.unexpected()
        return read(self) if read is not None else self._sql()

    def _assign(self) -> Node:
        start, name = self._start(), self.tokens.identifier()
        self.tokens.expect(":=")
        if self.tokens.at("ASYNC") or self._at_query():
            return nodes.Assign(start, name, query=self.query_value())
        return nodes.Assign(start, name, self.expression(";"))

    def _at_query(self) -> bool:
        """Whether a statement in parentheses comes next that is no scalar expression for sure: what only a RESULTSET takes."""
        words = ("EXECUTE", "SHOW", "CALL", "DESCRIBE", "DESC", "LIST", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
        return self.tokens.at("(") and self.tokens.word(1) in words

    def _let(self) -> Node:
        start = self._start()
        self.tokens.expect("LET")
        return self._variable(start)

    def _if(self) -> Node:
        tokens, start = self.tokens, self._start()
        tokens.expect("IF")
        branches, otherwise = [], ()
        while True:
            condition = self.expression("THEN")
            tokens.expect("THEN")
            branches.append(Branch(condition, self.statements("ELSEIF", "ELSIF", "ELSE", "END")))
            if not (tokens.accept("ELSEIF") or tokens.accept("ELSIF")):
                break
        if tokens.accept("ELSE"):
            otherwise = self.statements("END")
        tokens.expect("END", "IF")
        return nodes.If(start, tuple(branches), otherwise)

    def _case(self) -> Node:
        tokens, start = self.tokens, self._start()
        tokens.expect("CASE")
        subject = "" if tokens.at("WHEN") else self.expression("WHEN")
        branches, otherwise = [], ()
        while tokens.accept("WHEN"):
            condition = self.expression("THEN")
            tokens.expect("THEN")
            branches.append(Branch(condition, self.statements("WHEN", "ELSE", "END")))
        if not branches:
            raise tokens.unexpected()
        if tokens.accept("ELSE"):
            otherwise = self.statements("END")
        tokens.expect("END")
        tokens.accept("CASE")
        if subject:
            return nodes.Case(start, subject, tuple(branches), otherwise)
        return nodes.If(start, tuple(branches), otherwise)

    def _for(self) -> Node:
        tokens, start = self.tokens, self._start()
        tokens.expect("FOR")
        name = tokens.identifier()
        tokens.expect("IN")
        reverse = tokens.accept("REVERSE")
        if not reverse and tokens.word(1) in ("DO", "LOOP"):
            source = tokens.identifier()
            body, label = self._loop_body("FOR")
            return nodes.RowFor(start, name, source, body, label)
        first = self.expression("TO")
        tokens.expect("TO")
        last = self.expression("DO", "LOOP")
        body, label = self._loop_body("FOR")
        return nodes.CountedFor(start, name, first, last, reverse, body, label)

    def _loop_body(self, word: str) -> tuple[tuple[Node, ...], str]:
        """Read `DO … END word [label]` or `LOOP … END LOOP [label]`."""
        opened = self.tokens.next().text.upper()
        if opened not in ("DO", "LOOP"):
            self.tokens.index -= 1
            raise self.tokens.unexpected()
        body = self.statements("END")
        self.tokens.expect("END", word if opened == "DO" else "LOOP")
        return body, self._label()

    def _while(self) -> Node:
        start = self._start()
        self.tokens.expect("WHILE")
        condition = self.expression("DO", "LOOP")
        body, label = self._loop_body("WHILE")
        return nodes.Loop(start, body, condition=condition, label=label)

    def _repeat(self) -> Node:
        start = self._start()
        self.tokens.expect("REPEAT")
        body = self.statements("UNTIL")
        self.tokens.expect("UNTIL")
        until = self.expression("END")
        self.tokens.expect("END", "REPEAT")
        return nodes.Loop(start, body, until=until, label=self._label())

    def _loop(self) -> Node:
        start = self._start()
        self.tokens.expect("LOOP")
        body = self.statements("END")
        self.tokens.expect("END", "LOOP")
        return nodes.Loop(start, body, label=self._label())

    def _leave(self) -> Node:
        start = self._start()
        again = self.tokens.next().text.upper() in ("CONTINUE", "ITERATE")
        return nodes.Leave(start, again, self._label())

    def _open(self) -> Node:
        start = self._start()
        self.tokens.expect("OPEN")
        return nodes.Open(start, self.tokens.identifier(), self._using())

    def _fetch(self) -> Node:
        start = self._start()
        self.tokens.expect("FETCH")
        name = self.tokens.identifier()
        self.tokens.expect("INTO")
        return nodes.Fetch(start, name, self._targets())

    def _targets(self) -> tuple[str, ...]:
        found = []
        while not found or self.tokens.accept(","):
            self.tokens.accept(":")
            found.append(self.tokens.identifier())
        return tuple(found)

    def _close(self) -> Node:
        start = self._start()
        self.tokens.expect("CLOSE")
        return nodes.Close(start, self.tokens.identifier())

    def _await(self) -> Node:
        start = self._start()
        cancel = self.tokens.next().text.upper() == "CANCEL"
        return nodes.Await(start, self.tokens.identifier(), cancel)

    def _async(self) -> Node:
        start = self._start()
        return nodes.ResultSetDeclaration(start, "", self.query_value())

    def _raise(self) -> Node:
        start = self._start()
        self.tokens.expect("RAISE")
        return nodes.Raise(start, self._label())

    def _return(self) -> Node:
        tokens, start = self.tokens, self._start()
        tokens.expect("RETURN")
        if tokens.at(";") or not tokens:
            return nodes.Return(start)
        if tokens.at("TABLE", "("):
            tokens.expect("TABLE")
            if tokens.word(1) in ("SELECT", "WITH", "(", "EXECUTE", "SHOW", "CALL"):
                return nodes.Return(start, query=self.query_value())
            inner = TokenStream(tokens.skip_parenthesis())
            if inner.accept("RESULTSET_FROM_CURSOR", "("):
                inner.tokens.pop()
            inner.accept(":")
            table = inner.identifier()
            inner.end()
            return nodes.Return(start, table=table)
        return nodes.Return(start, self.expression(";"))

    def _execute(self) -> Node:
        if self.tokens.word(1) != "IMMEDIATE" or self.tokens.word(2) == "FROM":
            return self._sql()
        start = self._start()
        self.tokens.expect("EXECUTE", "IMMEDIATE")
        text = self.expression("USING", "INTO", ";")
        query = Query(text, True, self._using())
        return nodes.ExecuteImmediate(start, query, self._targets() if self.tokens.accept("INTO") else ())

    def _null(self) -> Node:
        start = self._start()
        self.tokens.expect("NULL")
        return nodes.Null(start)

    def _sql(self) -> Node:
        """Read a statement of SQL, and cut INTO out of a SELECT or CALL."""
        tokens, begin = self.tokens, self.tokens.index
        start, word = self._start(), self.tokens.word()
        into, cut = (), (0, 0)
        depth = 0
        while tokens and not tokens.at(";"):
            if word == "CREATE" and tokens.word(-1) == "AS" and begins_block(tokens):
                Parser(tokens).block()
                continue
            depth += (tokens.word() in _OPEN) - (tokens.word() in _CLOSE)
            if word in ("SELECT", "WITH", "CALL") and depth == 0 and not into and tokens.at("INTO"):
                into, cut = self._into()
                continue
            tokens.index += 1
        if tokens.index == begin:
            raise tokens.unexpected()
        end = tokens.tokens[tokens.index - 1].end + 1
        text = tokens.text[start : cut[0]] + tokens.text[cut[1] : end] if into else tokens.text[start:end]
        return nodes.Sql(start, text.strip(), into)

    def _into(self) -> tuple[tuple[str, ...], tuple[int, int]]:
        first = self._start()
        self.tokens.expect("INTO")
        targets = self._targets()
        return targets, (first, self.tokens.tokens[self.tokens.index - 1].end + 1)


_STATEMENTS: dict[str, Callable[[Parser], Node]] = {
    "LET": Parser._let,
    "IF": Parser._if,
    "CASE": Parser._case,
    "FOR": Parser._for,
    "WHILE": Parser._while,
    "REPEAT": Parser._repeat,
    "LOOP": Parser._loop,
    "BREAK": Parser._leave,
    "EXIT": Parser._leave,
    "CONTINUE": Parser._leave,
    "ITERATE": Parser._leave,
    "OPEN": Parser._open,
    "FETCH": Parser._fetch,
    "CLOSE": Parser._close,
    "AWAIT": Parser._await,
    "CANCEL": Parser._await,
    "ASYNC": Parser._async,
    "RAISE": Parser._raise,
    "RETURN": Parser._return,
    "EXECUTE": Parser._execute,
    "NULL": Parser._null,
    "DECLARE": Parser.block,
    "BEGIN": Parser.block,
}

__all__ = ["Parser", "begins_block", "canonical", "end_of_block", "parse_block"]
