"""Flags as the official CLI takes them, made fit for click's parser.

Differences from click's own rules that users and the Automation API rely on: a boolean flag may be given as `--yes=false`;
some flags have an optional value (`--refresh`, `--refresh=false`); short flags may be joined (`-yf`, `-sdev`); the errors' texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedded.engine.errors import EngineError

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True)
class Flag:
    """One flag.

    `kind` is bool, string, int, strings (may be repeated) or list (may be repeated, and split at commas). `bare` is the value
    of a flag given without one; None when it must have one.
    """

    name: str
    help: str
    kind: str = "bool"
    short: str = ""
    default: Any = None
    bare: str | None = None
    hidden: bool = False

    @property
    def parameter(self) -> str:
        """The name of the function's parameter."""
        return self.name.replace("-", "_")

    @property
    def bare_value(self) -> str | None:
        """What the flag without a value stands for."""
        return "true" if self.kind == "bool" else self.bare

    @property
    def shown(self) -> str:
        """The flag as messages name it: `-p, --parallel`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"

    def initial(self) -> Any:
        """The value when the flag is not given."""
        return [] if self.kind in ("strings", "list") else self.default

    def convert(self, text: str) -> Any:
        """The value of a text.

        Raises:
            EngineError: The text is none of the flag's kind.
        """
        if self.kind == "bool":
            if text in _TRUE or text in _FALSE:
                return text in _TRUE
            raise self._invalid(text, "ParseBool")
        if self.kind == "int":
            try:
                return int(text, 0)
            except ValueError as error:
                raise self._invalid(text, "ParseInt") from error
        return text

    def _invalid(self, text: str, parser: str) -> EngineError:
        return EngineError(
            f'invalid argument "{text}" for "{self.shown}" flag: strconv.{parser}: parsing "{text}": invalid syntax'
        )


GLOBAL_FLAGS = (
    Flag("color", "Colorize output. Choices are: always, never, raw, auto", "string", default="auto"),
    Flag("cwd", "Run pulumi as if it had been started in another directory", "string", "C", ""),
    Flag("disable-integrity-checking", "Disable integrity checking of checkpoint files"),
    Flag("emoji", "Enable emojis in the output", short="e"),
    Flag("fully-qualify-stack-names", "Show fully-qualified stack names", short="Q"),
    Flag("logflow", "Flow log settings to child processes (like plugins)"),
    Flag("logtostderr", "Log to stderr instead of to files"),
    Flag("memprofilerate", "Not supported by this engine", "int", default=0, hidden=True),
    Flag("non-interactive", "Disable interactive mode for all commands"),
    Flag("otel-traces", "Not supported by this engine", "string", default="", hidden=True),
    Flag("profiling", "Not supported by this engine", "string", default="", hidden=True),
    Flag("tracing", "Emit tracing to the specified endpoint", "string", default=""),
    Flag("verbose", "Enable verbose logging (e.g., v=3); anything >3 is very verbose", "int", "v", 0),
)


@dataclass(frozen=True)
class Parsed:
    """A parsed command line: the flags' values, the positional arguments, and which flags were given."""

    values: dict[str, Any]
    arguments: list[str]
    given: frozenset[str]
    after_dashes: list[str] | None = None


def parse(tokens: Sequence[str], flags: Iterable[Flag]) -> Parsed:
    """Parse the part of a command line that follows the command's name.

    Raises:
        EngineError: An unknown flag, a missing or a malformed value.
    """
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in by_name.values() if flag.short}
    values = {flag.parameter: flag.initial() for flag in by_name.values()}
    arguments: list[str] = []
    given: set[str] = set()
    queue = list(tokens)
    after_dashes: list[str] | None = None
    while queue:
        token = queue.pop(0)
        if token == "--":
            after_dashes = list(queue)
            arguments.extend(queue)
            break
        if token.startswith("--"):
            _take_long(token, queue, by_name, values, given)
        elif token.startswith("-") and token != "-":
            _take_short(token, queue, by_short, values, given)
        else:
            arguments.append(token)
    return Parsed(values, arguments, frozenset(given), after_dashes)


def _take_long(
    token: str, queue: list[str], by_name: Mapping[str, Flag], values: dict[str, Any], given: set[str]
) -> None:
    name, separator, text = token[2:].partition("=")
    flag = by_name.get(name)
    if flag is None:
        raise EngineError(f"unknown flag: --{name}" if name else f"bad flag syntax: {token}")
    if not separator:
        text = flag.bare_value if flag.bare_value is not None else _next(queue, f"--{name}")
    _store(flag, text, values, given)


def _take_short(
    token: str, queue: list[str], by_short: Mapping[str, Flag], values: dict[str, Any], given: set[str]
) -> None:
    rest = token[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise EngineError(f"unknown shorthand flag: '{letter}' in {token}")
        if rest.startswith("="):
            text, rest = rest[1:], ""
        elif flag.bare_value is not None:
            text = flag.bare_value
        elif rest:
            text, rest = rest, ""
        else:
            text = _next(queue, f"'{letter}' in {token}")
        _store(flag, text, values, given)


def _next(queue: list[str], shown: str) -> str:
    if not queue:
        raise EngineError(f"flag needs an argument: {shown}")
    return queue.pop(0)


def _store(flag: Flag, text: str, values: dict[str, Any], given: set[str]) -> None:
    given.add(flag.name)
    value = flag.convert(text)
    if flag.kind == "list":
        values[flag.parameter].extend(part for part in value.split(",") if part)
    elif flag.kind == "strings":
        values[flag.parameter].append(value)
    else:
        values[flag.parameter] = value


def skip_flag(token: str, flags: Mapping[str, Flag]) -> int:
    """How many tokens a flag before the command's name takes; `flags` maps names and short names."""
    if "=" in token:
        return 1
    key = token[2:] if token.startswith("--") else token[1:]
    flag = flags.get(key)
    takes_next = flag is None or flag.bare_value is None
    return 2 if takes_next and (token.startswith("--") or len(token) == 2) else 1
