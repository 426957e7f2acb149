"""Errors of the engine and their exit codes.

    EngineError                    1   anything that the user can understand and mend
    ├── ConfigurationError         2   the command cannot run as it was invoked
    ├── ResourceError              4   a resource operation failed
    ├── PolicyError                5   a mandatory policy was violated
    ├── StackNotFoundError         6   no stack of that name, or none selected
    ├── NoChangesExpectedError     7   --expect-no-changes, and there were changes
    ├── CancelledError             8   interrupted by the user
    └── InternalError            255   a broken invariant of the engine itself

An update that fails ends with 1, whatever failed in it. Every message is one clear line (further lines only details): what
failed, which object, what to do next; printed as `error: MESSAGE` on standard error.

Source: the exit codes of the official CLI 3.260.0.
"""

from __future__ import annotations


class EngineError(Exception):
    """A failure with a message for the user; the process ends with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(EngineError):
    """The command was invoked in a way that it cannot run: no confirmation possible, or options that exclude each other."""

    exit_code = 2


class ResourceError(EngineError):
    """A provider refused or failed an operation on a resource."""

    exit_code = 4


class PolicyError(EngineError):
    """A mandatory policy stops the run."""

    exit_code = 5


class StackNotFoundError(EngineError):
    """The named stack does not exist in the backend."""

    exit_code = 6

    def __init__(self, stack: str) -> None:
        super().__init__(f"no stack named '{stack}' found")


class NoStackSelectedError(EngineError):
    """No stack was named and none is selected."""

    exit_code = 6

    def __init__(self) -> None:
        super().__init__(
            "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one, or name it with --stack"
        )


class NoChangesExpectedError(EngineError):
    """Changes happened or were proposed although none were expected."""

    exit_code = 7

    def __init__(self, message: str = "no changes were expected but changes occurred") -> None:
        super().__init__(message)


class CancelledError(EngineError):
    """The user interrupted the run."""

    exit_code = 8


class InternalError(EngineError):
    """The engine broke one of its own rules: a bug, never the user's fault."""

    exit_code = 255


class UpdateFailedError(EngineError):
    """A deployment failed; its diagnostics are already shown, so there is no message."""
