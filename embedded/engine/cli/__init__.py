"""The command line, as the official `pulumi` takes it."""

from __future__ import annotations

import sys

from embedded.engine.errors import EngineError, InternalError

# The build metadata says that it is not the official CLI.
VERSION = "v3.272.0+embedded"


def main(arguments: list[str]) -> int:
    """Run one command line; returns the exit code of the process."""
    if arguments == ["version"] or arguments == ["--version"]:
        sys.stdout.write(f"{VERSION}\n")
        return 0
    from embedded.engine.cli.dispatch import run

    try:
        return run(arguments) or 0
    except EngineError as error:
        return report(error)
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 8
    except BrokenPipeError:
        # The reader of our output is gone; there is nobody to tell.
        sys.stderr.close()
        return 1
    except Exception as error:
        return report_bug(error)


def report(error: EngineError) -> int:
    """Print an error of the user's as the official CLI does; returns its exit code."""
    if error.message:
        sys.stdout.flush()
        sys.stderr.write(f"error: {error.message}\n")
    return error.exit_code


def report_bug(error: Exception) -> int:
    """Print an error of the engine's own, with its traceback; returns its exit code."""
    import traceback

    sys.stdout.flush()
    sys.stderr.write("".join(traceback.format_exception(error)))
    sys.stderr.write(f"error: internal error of the engine: {type(error).__name__}: {error}\n")
    return InternalError.exit_code
