"""Starts the local Snowflake: `python -m embedded.snowflake serve --port 8084 --data DIR`."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

PASSWORD_VARIABLE = "LOCAL_SNOWFLAKE_ADMIN_PASSWORD"
# A statement's syntax tree is a few thousand objects, whose parts refer to each other: with Python's own thresholds (700 objects)
# the collector looks through all that lives several times a statement, a sixth of the server's time.
_COLLECTION_THRESHOLDS = (20_000, 20, 20)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "outbox":
        return _list_outbox(options.data, options.account)
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        return _refuse(f"{PASSWORD_VARIABLE} is not set: it is the password of ADMIN in a new account.")
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        return _refuse(f"Cannot listen on {options.host}:{options.port}: {error.strerror or error}.")
    manual = options.clock == "manual"
    return _serve(listener, None if options.memory else options.data, password, options.host, manual)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m embedded.snowflake", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    outbox = commands.add_parser("outbox", help="list the notifications that accounts would have sent")
    outbox.add_argument("--data", type=Path, required=True, help="folder that keeps the accounts")
    outbox.add_argument("--account", help="one account, ORG-NAME (default: all)")
    serve = commands.add_parser("serve", help="serve until SIGTERM")
    serve.add_argument("--host", default="127.0.0.1", choices=("127.0.0.1", "localhost", "::1"))
    serve.add_argument("--port", type=int, default=8084, help="0 picks a free one (default: %(default)s)")
    where = serve.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="folder that keeps the accounts")
    where.add_argument("--memory", action="store_true", help="keep nothing")
    serve.add_argument(
        "--clock",
        choices=("real", "manual"),
        default="real",
        help="manual: time stands until SYSTEM$LOCAL_ADVANCE_CLOCK moves it (for tests)",
    )
    return parser


def _list_outbox(data: Path, account: str | None) -> int:
    """Print each message's path and what it is about, the oldest first."""
    from embedded.snowflake.scheduler.outbox import read_outbox, summary

    if not data.is_dir():
        return _refuse(f"There is no data folder '{data}'.")
    names = [account.upper()] if account else sorted(path.parent.name for path in data.glob("*/account.duckdb"))
    for name in names:
        if not (data / name).is_dir():
            return _refuse(f"There is no account '{name}' in '{data}'.")
        for file, content in read_outbox(data / name):
            sys.stdout.write(f"{data / name / 'outbox' / file}\t{summary(file, content)}\n")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        raise error if isinstance(error, OSError) else OSError(str(error)) from error
    return listener


def _serve(listener: socket.socket, data: Path | None, password: str, host: str, manual_clock: bool) -> int:
    # Imported here, so that a wrong command line answers at once.
    from embedded.snowflake.accounts import Accounts, DataFolderInUse
    from embedded.snowflake.wire.app import make_app

    try:
        accounts = Accounts(data, password, manual_clock=manual_clock)
    except (DataFolderInUse, OSError) as error:
        return _refuse(str(error))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)
    name = f"[{host}]" if ":" in host else host
    server = _make_server(make_app(accounts), f"Listening on http://{name}:{listener.getsockname()[1]}\n")
    server.run(sockets=[listener])
    return 0


def _make_server(app: ASGIApp, announcement: str) -> uvicorn.Server:
    """A server that says where it listens once it answers, and whose end by SIGTERM is a good one."""
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            sys.stdout.write(announcement)
            sys.stdout.flush()

        def capture_signals(self) -> AbstractContextManager[None]:
            # Uvicorn would raise the signal again after a good end, and the exit code would tell of a kill.
            return _ending(self)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=3600,
    )
    return Announcing(config)


@contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """End the server gently at SIGTERM and SIGINT."""
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
