"""What a command is: its flags, its arguments, and the call it gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.engine.cli.flags import Flag
from embedded.engine.errors import EngineError

if TYPE_CHECKING:
    from embedded.engine.cli.session import Session


@dataclass
class Call:
    """One invocation of a command."""

    session: Session
    flags: dict[str, Any]
    arguments: list[str]
    given: frozenset[str]
    path: str
    after_dashes: list[str] | None = None

    def argument(self, index: int, default: str = "") -> str:
        """A positional argument, or the default if it was not given."""
        return self.arguments[index] if index < len(self.arguments) else default

    def was_given(self, flag: str) -> bool:
        """Whether the flag stands on the command line."""
        return flag in self.given


Handler = Callable[[Call], int | None]


@dataclass(frozen=True)
class Command:
    """A command's code and how it is invoked; `maximum` is None for any number of arguments."""

    run: Handler
    usage: str
    flags: tuple[Flag, ...]
    minimum: int
    maximum: int | None
    long: str

    def check_arguments(self, arguments: Sequence[str]) -> None:
        """Refuse a wrong number of arguments.

        Raises:
            EngineError: Too few or too many.
        """
        count = len(arguments)
        if self.maximum is not None and count > self.maximum:
            if self.minimum == self.maximum:
                raise EngineError(f"accepts {self.maximum} arg(s), received {count}")
            raise EngineError(f"accepts at most {self.maximum} arg(s), received {count}")
        if count < self.minimum:
            if self.minimum == self.maximum:
                raise EngineError(f"accepts {self.minimum} arg(s), received {count}")
            raise EngineError(f"requires at least {self.minimum} arg(s), only received {count}")


def command(
    usage: str = "", *, flags: Sequence[Flag] = (), minimum: int = 0, maximum: int | None = 0, long: str = ""
) -> Callable[[Handler], Command]:
    """Make a command of a function.

    Args:
        usage: The arguments as the help shows them: `[stack-name]`.
        flags: The command's own flags; the global ones are added.
        minimum: How many arguments it needs.
        maximum: How many it takes; None for any number.
        long: The help text; by default the function's docstring.
    """

    def make(run: Handler) -> Command:
        return Command(run, usage, tuple(flags), minimum, maximum, long or (run.__doc__ or "").strip())

    return make


STACK_FLAG = Flag("stack", "The name of the stack to operate on. Defaults to the current stack", "string", "s", "")
CONFIG_FILE_FLAG = Flag(
    "config-file",
    "Use the configuration values in the specified file rather than detecting the file name",
    "string",
    default="",
)
YES_FLAG = Flag("yes", "Skip confirmation prompts", short="y")
JSON_FLAG = Flag("json", "Emit output as JSON", short="j")
SHOW_SECRETS_FLAG = Flag("show-secrets", "Display secrets in plain text instead of masking them")
