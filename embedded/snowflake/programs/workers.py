"""Worker processes that run users' Python: started without the server's secrets, cancelled with their statement, ended on a crash."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from embedded.snowflake.errors import SnowflakeError, SqlExecutionError

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.programs.loopback import Line
    from embedded.snowflake.session.session import Session

# The interpreter that runs handlers; it needs Snowpark for procedures and whatever packages handlers name.
PYTHON_VARIABLE = "LOCAL_SNOWFLAKE_PYTHON"
_WORKER = Path(__file__).with_name("worker.py")
_MOST_IDLE = 4
_MOST_SECONDS = 180.0
_GLANCE_SECONDS = 0.05


def interpreter() -> str:
    """The interpreter that handlers run in.

    LOCAL_SNOWFLAKE_PYTHON names it; else it is that of the environment `handlers` inside the server's own, if there is one,
    else the server's.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    own = Path(sys.prefix) / "handlers" / "bin" / "python"
    return named or (str(own) if own.exists() else sys.executable)


def python_error(text: str, name: str, handler: str) -> SnowflakeError:
    """The error of a handler that failed (100357)."""
    return SqlExecutionError(
        f"Python Interpreter Error:\n{text} in function {name} with handler {handler}", 100357, "P0000"
    )


class Worker:
    """One process, for one handler."""

    def __init__(self, spec: dict[str, Any], imports: dict[str, bytes]) -> None:
        self.spec = spec
        self._home = tempfile.mkdtemp(prefix="snowflake-handler-")
        folder = Path(self._home) / "imports"
        folder.mkdir()
        for name, content in imports.items():
            (folder / name).write_bytes(content)
        self.spec["imports"] = str(folder)
        self._process = subprocess.Popen(
            [interpreter(), "-I", "-B", "-W", "ignore", "-X", "utf8", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            env=_environment(self._home),
            start_new_session=True,
        )

    def ask(
        self,
        session: Session,
        message: dict[str, Any],
        seconds: float | None = _MOST_SECONDS,
        line: Line | None = None,
    ) -> dict[str, Any]:
        """Send a message and wait for its answer, as long as the statement goes on; what comes on the line is done meanwhile.

        Raises:
            SnowflakeError: the handler failed, the process ended, or took too long (100357); or the statement was cancelled (000604).
        """
        name, handler = self.spec["name"], self.spec["handler"]
        body = json.dumps(message).encode()
        try:
            pipe = cast(IO[bytes], self._process.stdin)
            pipe.write(len(body).to_bytes(4, "big") + body)
            pipe.flush()
            reply = json.loads(self._read(session, None if seconds is None else time.monotonic() + seconds, line))
        except (EOFError, BrokenPipeError, ValueError):
            code = self._process.wait()
            self.close()
            raise python_error(f"The handler's process ended (exit code {code})", name, handler) from None
        except SnowflakeError:
            self.close()
            raise
        if "error" in reply:
            raise python_error(reply["error"], name, handler)
        return reply

    def _read(self, session: Session, deadline: float | None, line: Line | None) -> bytes:
        head = self._read_bytes(session, 4, deadline, line)
        return self._read_bytes(session, int.from_bytes(head, "big"), deadline, line)

    def _read_bytes(self, session: Session, count: int, deadline: float | None, line: Line | None) -> bytes:
        source = cast(IO[bytes], self._process.stdout).fileno()
        sources = [source] if line is None else [source, line.wake]
        parts: list[bytes] = []
        while count:
            ready = select.select(sources, [], [], _GLANCE_SECONDS)[0]
            if line is not None and line.wake in ready:
                line.serve()
            if source in ready:
                part = os.read(source, min(count, 1 << 20))
                if not part:
                    raise EOFError
                parts.append(part)
                count -= len(part)
                continue
            if _is_cancelled(session):
                raise SqlExecutionError("SQL execution canceled", 604, "57014")
            if deadline is not None and time.monotonic() > deadline:
                text = f"Function execution exceeded the limit of {_MOST_SECONDS:g} seconds"
                raise python_error(text, self.spec["name"], self.spec["handler"])
        return b"".join(parts)

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process and remove its folder."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        shutil.rmtree(self._home, ignore_errors=True)


def _environment(home: str) -> dict[str, str]:
    """What a handler's process has of the environment: nothing that could be a secret."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if key in os.environ}
    return {**kept, "HOME": home, "TMPDIR": home, "TZ": "UTC"}


def _is_cancelled(session: Session) -> bool:
    record = session.record
    while record is not None:
        if record.query_id in session.cancelled:
            return True
        record = record.parent
    return False


class Workers:
    """An account's idle processes by what they run, for the next batch or statement."""

    def __init__(self) -> None:
        self._idle: list[tuple[str, Worker]] = []
        self._lock = threading.Lock()

    def take(self, session: Session, key: str, spec: dict[str, Any], imports: dict[str, bytes]) -> Worker:
        """A process that has loaded the handler: an idle one, or a new one.

        Raises:
            SnowflakeError: the handler cannot be loaded (100357).
        """
        with self._lock:
            for place, (known, worker) in enumerate(self._idle):
                if known == key and worker.is_alive:
                    del self._idle[place]
                    return worker
        worker = Worker(dict(spec), imports)
        try:
            worker.ask(session, {"do": "load", **worker.spec})
        except BaseException:
            worker.close()
            raise
        return worker

    def give_back(self, key: str, worker: Worker) -> None:
        """Keep a process for later; the oldest end when there are many."""
        with self._lock:
            self._idle.append((key, worker))
            surplus = [self._idle.pop(0)[1] for _ in range(len(self._idle) - _MOST_IDLE)]
        for old in surplus:
            old.close()

    def close(self) -> None:
        """End all idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, worker in idle:
            worker.close()


_workers: WeakKeyDictionary[Account, Workers] = WeakKeyDictionary()
_making = threading.Lock()


def workers_of(account: Account) -> Workers:
    """The processes of an account."""
    with _making:
        return _workers.setdefault(account, Workers())


def close_workers(account: Account) -> None:
    """End the processes of an account."""
    found = _workers.pop(account, None)
    if found is not None:
        found.close()
