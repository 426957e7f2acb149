"""The local Snowflake's figures beside their goals: TPC-H, fetching, policies, streams, triggers, answers, sessions.

Most are ratios of two times of the same run, so that the machine's speed and load cancel out.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import snowflake.connector
from local_server import LocalServer, local_server
from rich.table import Table

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
SCALE = 0.1
Action = Callable[[], Any]


def timed(action: Action) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def best_ratio(first: Action, second: Action, runs: int) -> tuple[float, float]:
    """The medians of two actions run in turn, in seconds."""
    pairs = [(timed(first), timed(second)) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def tpch_queries() -> list[str]:
    """The texts of the 22 queries."""
    text = (Path(__file__).parent / "tpch.sql").read_text()
    return [part.strip() for part in text.partition("\n")[2].split("\n\n") if part.strip()]


def generate_tpch(folder: Path) -> None:
    """Write TPC-H's tables as Parquet files."""
    command = str(Path(sys.executable).parent / "tpchgen-cli")
    subprocess.run([command, "parquet", "-s", str(SCALE), "--output-dir", str(folder)], check=True, capture_output=True)


def load_tpch(cursor: Any, local: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make TPC-H's tables on the server as a user would (PUT, COPY INTO), and in a DuckDB of this process."""
    for text in ("create database TPCH", "use schema TPCH.PUBLIC", "create stage S file_format = (type = parquet)"):
        cursor.execute(text)
    for table in TABLES:
        file = f"{folder}/{table}.parquet"
        local.execute(f"create table {table} as select * from '{file}'")
        columns = ", ".join(f"{name} {kind}" for name, kind, *_ in local.execute(f"describe {table}").fetchall())
        cursor.execute(f"create table {table} ({columns})")
        cursor.execute(f"put file://{file} @S auto_compress = false")
        cursor.execute(f"copy into {table} from @S/{table}.parquet match_by_column_name = case_insensitive")


def same(left: Any, right: Any) -> bool:
    """Whether two values of the two servers are the same: numbers to six digits after the point (Snowflake rounds there)."""
    if isinstance(left, int | float | Decimal) and isinstance(right, int | float | Decimal):
        return math.isclose(float(left), float(right), rel_tol=1e-9, abs_tol=1e-5)
    return left == right


def same_rows(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> bool:
    """Whether two results are the same, row by row."""
    return len(left) == len(right) and all(
        len(a) == len(b) and all(map(same, a, b)) for a, b in zip(left, right, strict=True)
    )


def bench_tpch(table: Table, server: LocalServer, folder: Path) -> None:
    """The 22 queries through the connector against DuckDB in process."""
    generate_tpch(folder)
    local = duckdb.connect(config={"threads": "2"})
    with server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("alter session set use_cached_result = false")
        load_tpch(cursor, local, folder)
        totals, different = [0.0, 0.0], []
        for number, text in enumerate(tpch_queries(), 1):
            if not same_rows(cursor.execute(text).fetchall(), local.execute(text).fetchall()):
                different.append(f"Q{number}")
            seconds = best_ratio(
                lambda text=text: cursor.execute(text).fetchall(), lambda text=text: local.execute(text).fetchall(), 5
            )
            totals = [total + part for total, part in zip(totals, seconds, strict=True)]
    note = "all results equal" if not different else f"DIFFERENT: {', '.join(different)}"
    figure = f"{totals[0] / totals[1]:.2f} x DuckDB ({totals[0]:.2f} s, {totals[1]:.2f} s)"
    table.add_row(f"TPC-H, 22 queries, scale {SCALE:g}", figure, f"goal 1.3 x; {note}")


WIDE = (
    "select seq4() as id, mod(seq4(), 1000) as g, (seq4() / 7)::number(12, 2) as amount, seq4() / 3.7::float as ratio, "
    "dateadd(minute, seq4(), '2024-01-01'::timestamp_ntz) as at, 'name ' || mod(seq4(), 5000) as name "
    "from table(generator(rowcount => {rows}))"
)


def bench_fetch(table: Table, server: LocalServer) -> None:
    """A million rows fetched, against the connector's own conversion of the same Arrow data."""
    with server.connect() as connection:
        cursor = connection.cursor()
        for text in ("create database F", "use schema F.PUBLIC", f"create table T as {WIDE.format(rows=1_000_000)}"):
            cursor.execute(text)
        cursor.execute("alter session set use_cached_result = false")
        whole, converted = [], []
        for _ in range(3):
            whole.append(timed(lambda: cursor.execute("select * from T").fetchall()))
            batches = cursor.execute("select * from T").get_result_batches()
            for batch in batches:
                batch.populate_data()
            converted.append(timed(lambda batches=batches: [row for batch in batches for row in batch.create_iter()]))
    seconds, least = statistics.median(whole), statistics.median(converted)
    table.add_row(
        "fetch 1M rows of 6 columns",
        f"{seconds / least:.2f} x ({seconds:.2f} s)",
        "goal 1.5 x the connector's conversion",
    )


POLICED = (
    "create database P",
    "use schema P.PUBLIC",
    f"create table BARE as {WIDE.format(rows=1_000_000)}",
    "create table T clone BARE",
    "create row access policy ROWS_ as (g number) returns boolean -> g < 900 or current_role() = 'NOBODY'",
    "create masking policy NAMES as (v varchar) returns varchar -> case when current_role() = 'NOBODY' then v else left(v, 4) || '***' end",
    "alter table T add row access policy ROWS_ on (g)",
    "alter table T modify column name set masking policy NAMES",
)


def bench_policies(table: Table, server: LocalServer) -> None:
    """A query under a row and a masking policy against the same filter and expression by hand."""
    by_hand = "(select g, amount, left(name, 4) || '***' as name from BARE where g < 900)"
    query = "select name, count(*) as n, sum(amount) as s, max(g) as g from {} group by name order by name"
    with server.connect() as connection:
        cursor = connection.cursor()
        for text in (*POLICED, "alter session set use_cached_result = false"):
            cursor.execute(text)
        texts = [query.format(source) for source in ("T", by_hand)]
        results = [cursor.execute(text).fetchall() for text in texts]
        first, second = best_ratio(*(lambda text=text: cursor.execute(text).fetchall() for text in texts), runs=9)
    note = "equal" if results[0] == results[1] else "DIFFERENT"
    table.add_row(
        "query under two policies", f"{first / second:.2f} x by hand ({first * 1000:.0f} ms)", f"goal 1.15 x; {note}"
    )


def bench_streams(table: Table, server: LocalServer) -> None:
    """A stream's 1,000 changes of a large table against those of a small one."""
    seconds = {}
    with server.connect() as connection:
        cursor = connection.cursor()
        for text in ("create database S", "use schema S.PUBLIC", "alter session set use_cached_result = false"):
            cursor.execute(text)
        for rows in (100_000, 10_000_000):
            source = f"select seq4() as id, seq4() * 2 as v from table(generator(rowcount => {rows}))"
            cursor.execute(f"create table T{rows} as {source}")
            cursor.execute(f"create stream S{rows} on table T{rows}")
            cursor.execute(f"update T{rows} set v = -1 where id between {rows // 2} and {rows // 2 + 499}")
            query = f"select count(*), sum(v) from S{rows}"
            assert cursor.execute(query).fetchone()[0] == 1000
            seconds[rows] = statistics.median(
                timed(lambda query=query: cursor.execute(query).fetchall()) for _ in range(9)
            )
    small, large = seconds.values()
    figure = f"{large / small:.2f} x ({large * 1000:.1f} ms, {small * 1000:.1f} ms)"
    table.add_row("stream of 1,000 changes, 10M rows against 100k", figure, "goal 2 x")


def bench_trigger(table: Table, server: LocalServer) -> None:
    """A triggered task's start after the commit."""
    with server.connect() as connection:
        cursor = connection.cursor()
        for text in (
            "create database TR",
            "use schema TR.PUBLIC",
            "create warehouse TR_WH",
            "create table A (v int)",
            "create table B (v int)",
            "create stream SA on table A",
            "create task T warehouse = TR_WH user_task_minimum_trigger_interval_in_seconds = 10 "
            "when system$stream_has_data('SA') as insert into B select v from SA",
            "alter task T resume",
        ):
            cursor.execute(text)
        time.sleep(0.5)
        cursor.execute("insert into A values (1)")
        begin = time.perf_counter()
        while cursor.execute("select count(*) from B").fetchone()[0] == 0 and time.perf_counter() - begin < 30:
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
    table.add_row("triggered task after the commit", f"{seconds:.2f} s", "goal 2 s")


@contextmanager
def canned_server(server: LocalServer) -> Iterator[LocalServer]:
    """A server that passes a request on once and then gives the same answer to each statement."""
    answers: dict[str, bytes] = {}

    class Canned(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            answer = answers.get(path)
            if answer is None:
                headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                request = urllib.request.Request(f"http://127.0.0.1:{server.port}{self.path}", body, headers)
                with urllib.request.urlopen(request) as response:
                    answer = response.read()
                if path.endswith("query-request"):
                    answers[path] = answer
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Canned)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield LocalServer(port=http.server_address[1])
    finally:
        http.shutdown()
        http.server_close()


def bench_answer(table: Table, server: LocalServer) -> None:
    """`select 1` against a canned answer through the same connector."""
    with canned_server(server) as canned, server.connect() as ours, canned.connect() as theirs:
        cursors = ours.cursor(), theirs.cursor()
        actions = [lambda cursor=cursor: cursor.execute("select 1").fetchall() for cursor in cursors]
        first, second = best_ratio(*actions, runs=300)
    table.add_row("select 1", f"{first / second:.2f} x ({first * 1000:.2f} ms)", "goal 2.5 x a canned answer")


SESSIONS, SECONDS = 8, 4.0


def bench_sessions(table: Table, server: LocalServer) -> None:
    """Queries a second of 8 sessions at once."""
    counts: list[int] = []
    with server.connect() as connection:
        for text in (
            "create database Q",
            "create table Q.PUBLIC.T as select seq4() as id from table(generator(rowcount => 1000))",
        ):
            connection.cursor().execute(text)

    def work(end: float) -> None:
        with server.connect() as connection:
            cursor, count = connection.cursor(), 0
            cursor.execute("alter session set use_cached_result = false")
            while time.perf_counter() < end:
                assert cursor.execute("select count(*) from Q.PUBLIC.T where id < ?", (count % 1000,)) is not None
                cursor.fetchall()
                count += 1
            counts.append(count)

    end = time.perf_counter() + SECONDS
    threads = [threading.Thread(target=work, args=(end,)) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table.add_row(f"{SESSIONS} sessions at once", f"{sum(counts) / SECONDS:.0f} queries/s", "goal 450 queries/s")


def bench_start(table: Table) -> None:
    """A server's start until it listens, and until it answered a first statement."""
    listens, answers = [], []
    for _ in range(3):
        begin = time.perf_counter()
        with local_server() as server:
            listens.append(time.perf_counter() - begin)
            with server.connect() as connection:
                connection.cursor().execute("select 1").fetchone()
            answers.append(time.perf_counter() - begin)
    figure = f"{statistics.median(listens):.2f} s, with a first answer {statistics.median(answers):.2f} s"
    table.add_row("start-up", figure, "goal 0.7 s")


def bench_snowflake(table: Table) -> None:
    """The local Snowflake beside its goals."""
    with local_server() as server, tempfile.TemporaryDirectory() as folder:
        # qmark binds are done by the server, as in most programs.
        snowflake.connector.paramstyle = "qmark"
        for measure in (bench_fetch, bench_policies, bench_streams, bench_trigger, bench_answer, bench_sessions):
            measure(table, server)
        bench_tpch(table, server, Path(folder))
    bench_start(table)
