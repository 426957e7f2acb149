"""Looks at a platform as its least privileged reader after each statement that changes something.

A server between the commands and the local Snowflake passes each request on. While a statement is passed on no other is, and before its
answer goes back the reader looks at everything it can find: each table and view that it is shown, now and as it was when the watch began.
So there is no moment of a deployment or of a rollback that the reader does not see.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_server import log_in
from small_platform import SmallPlatform
from snowflake.connector.errors import ProgrammingError

READER = "WATCHER"
PASSWORD = "a-watchers-password-1"
_READS = re.compile(r"\s*(show|desc|describe|select|with|use|list)\b", re.IGNORECASE)


@dataclass
class Watch:
    """What the reader found.

    `leaks` has a line for each value it must not see with the statement it followed; `refusals` are the numbers of the errors that it
    got instead of rows.
    """

    port: int
    role: str
    forbidden: tuple[str, ...]
    arriving: str
    looks: int = 0
    arrived: int = 0
    seen: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    refusals: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, admin_password: str) -> None:
        """Log the reader in; what it sees at this moment stays readable by time travel."""
        self.admin = log_in(self.port, admin_password, role="ACCOUNTADMIN", warehouse="COMPUTE_WH_DEV")
        self.connection = log_in(self.port, PASSWORD, user=READER, role=self.role, warehouse="COMPUTE_WH_DEV")
        self.cursor = self.connection.cursor()
        self.cursor.execute("use secondary roles none")
        self.cursor.execute("alter session set use_cached_result = false")
        self.began = self.cursor.execute("select current_timestamp()::varchar").fetchone()[0]

    def look(self, after: str) -> None:
        """Read everything that can be read and note what must not be seen."""
        self.looks += 1
        self._let_rows_arrive()
        for name in self._shown("objects"):
            for past in ("", f" at (timestamp => '{self.began}'::timestamp_tz)"):
                self._note(f"select * from {name}{past}", after)
        for name in self._shown("streams"):
            self._note(f"select * from {name}", after)

    def _let_rows_arrive(self) -> None:
        if self.arriving:
            with suppress(ProgrammingError):  # where they go need not stand at every moment
                self.admin.cursor().execute(self.arriving)
                self.arrived += 1

    def _shown(self, kind: str) -> list[str]:
        found = self.cursor.execute(f"show terse {kind} in account").fetchall()
        at = {column.name: n for n, column in enumerate(self.cursor.description)}
        named = [[row[at[part]] for part in ("database_name", "schema_name", "name")] for row in found]
        return [
            ".".join(f'"{part}"' for part in name)
            for name in named
            if name[0] != "SNOWFLAKE" and name[1] != "INFORMATION_SCHEMA"
        ]

    def _note(self, query: str, after: str) -> None:
        try:
            rows = self.cursor.execute(query).fetchall()
        except ProgrammingError as error:
            if " at (" not in query:  # a table that is younger than the watch has no past
                self.refusals.add(int(error.errno or 0))
            return
        values = {str(value) for row in rows for value in row}
        self.seen |= values
        for value in sorted(values):
            if any(part in value for part in self.forbidden):
                self.leaks.append(f"{query} gave {value} after {after}")


@contextmanager
def watched(small: SmallPlatform, role: str, forbidden: tuple[str, ...], arriving: str = "") -> Iterator[Watch]:
    """Let all commands of a platform go by the watch; `arriving` is run before each look, for rows that come meanwhile."""
    file = small.root / ".local" / "snowflake" / "server.json"
    server = json.loads(file.read_text())
    watch = Watch(server["port"], role, forbidden, arriving)
    watch.begin(small.admin_password)

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            text = _statement(self.headers.get("Content-Encoding"), body) if "query-request" in self.path else None
            if text is None or _READS.match(text):
                self.answer(*self.passed_on(body))
                return
            with watch.lock:
                given = self.passed_on(body)
                watch.look(" ".join(text.split())[:200])
            self.answer(*given)

        def do_GET(self) -> None:
            self.answer(*self.passed_on(None))

        def passed_on(self, body: bytes | None) -> tuple[int, dict[str, str], bytes]:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
            request = urllib.request.Request(f"http://127.0.0.1:{watch.port}{self.path}", body, headers)
            try:
                with urllib.request.urlopen(request) as response:
                    return response.status, dict(response.headers.items()), response.read()
            except urllib.error.HTTPError as refused:
                return refused.code, dict(refused.headers.items()), refused.read()

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                if key.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    file.write_text(json.dumps(server | {"port": http.server_address[1]}))
    try:
        watch.look("nothing yet")
        yield watch
        watch.look("the last statement")
    finally:
        file.write_text(json.dumps(server))
        http.shutdown()
        http.server_close()
        watch.connection.close()
        watch.admin.close()


def _statement(encoding: str | None, body: bytes) -> str | None:
    """The statement of a request; None where a request carries none."""
    return json.loads(gzip.decompress(body) if encoding == "gzip" else body).get("sqlText")
