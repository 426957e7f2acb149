"""Clients side by side: nobody reads another's answers, waits for another's query, or brings the server down."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
import snowflake.connector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def post(server: Any, path: str, body: Any, token: str = "", headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """A raw request: the status, and the answer's JSON."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    head = {"content-type": "application/json", "authorization": f'Snowflake Token="{token}"', **(headers or {})}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data, head, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def login(server: Any, account: str, user: str = "ADMIN", password: str = "a-test-password") -> dict[str, Any]:
    """A raw login's tokens."""
    data = {"ACCOUNT_NAME": account, "LOGIN_NAME": user, "PASSWORD": password, "CLIENT_APP_ID": "PythonConnector"}
    return post(server, "/session/v1/login-request", {"data": data})[1]["data"]


def ask(server: Any, token: str, text: str, request_id: str = "r", **body: Any) -> dict[str, Any]:
    """A raw query's answer."""
    return post(server, f"/queries/v1/query-request?requestId={request_id}", {"sqlText": text, **body}, token)[1]


@pytest.fixture
def token(server: Any, request: pytest.FixtureRequest) -> str:
    return login(server, f"TEST-ISO{abs(hash(request.node.name)) % 10**9}")["token"]


def test_a_repeated_request_does_its_work_once(server: Any, token: str) -> None:
    for number, text in enumerate(("create database d", "create table d.public.t (a int)")):
        ask(server, token, text, f"setup{number}")
    first = ask(server, token, "insert into d.public.t values (1)", "same")
    again = ask(server, token, "insert into d.public.t values (1)", "same")
    assert first["data"]["queryId"] == again["data"]["queryId"]
    assert ask(server, token, "select count(*) from d.public.t", "count")["data"]["rowtype"][0]["name"] == "COUNT(*)"
    assert ask(server, token, "select a from d.public.t", "rows")["data"]["total"] == 1


def test_chunks_need_their_key(server: Any, token: str) -> None:
    answer = ask(server, token, "select seq4() from table(generator(rowcount => 60000))")
    url = answer["data"]["chunks"][0]["url"]
    with urllib.request.urlopen(url, timeout=120) as chunk:
        assert chunk.status == 200
    forged = url.split("/")
    forged[-2] = "x" * len(forged[-2])
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen("/".join(forged), timeout=120)
    with refused.value as error:
        assert error.code == 403


def test_results_states_and_aborts_stay_in_their_account(server: Any, token: str) -> None:
    query = ask(server, token, "select 42")["data"]["queryId"]
    other = login(server, "TEST-ISOOTHER")["token"]
    for path in (f"/queries/{query}/result", f"/monitoring/queries/{query}"):
        head = {"authorization": f'Snowflake Token="{other}"'}
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=head)
        ) as answer:
            found = orjson.loads(answer.read())
        assert not found["success"] or found["data"] == {"queries": []}


def test_many_sessions_never_get_each_others_answers(connect: Callable[..., Any]) -> None:
    connect().cursor().execute("create database d")

    def work(number: int) -> list[tuple[Any, ...]]:
        cursor = connect(database="d", schema="public").cursor()
        cursor.execute(f"set mine = {number}")
        cursor.execute(f"create table t{number} as select {number} as n from table(generator(rowcount => 10))")
        return [cursor.execute(f"select $mine, sum(n), {i} from t{number}").fetchone() for i in range(15)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert found == [[(n, n * 10, i) for i in range(15)] for n in range(8)]


def test_ddl_of_many_sessions_at_a_time(connect: Callable[..., Any]) -> None:
    connect().cursor().execute("create database d")

    def work(number: int) -> None:
        cursor = connect(database="d", schema="public").cursor()
        for i in range(6):
            cursor.execute(f"create table t{number}_{i} (a int)")
            cursor.execute(f"alter table t{number}_{i} add column b int")
            cursor.execute(f"create or replace view shared as select {number} as n")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    cursor = connect(database="d", schema="public").cursor()
    assert len(cursor.execute("show tables").fetchall()) == 36
    assert cursor.execute("select n from shared").fetchone()[0] in range(6)


def test_a_slow_query_blocks_nobody_and_can_be_cancelled(connect: Callable[..., Any]) -> None:
    slow, quick = connect().cursor(), connect().cursor()
    slow.execute_async(
        "select count(*) from table(generator(rowcount => 200000)) a, table(generator(rowcount => 200000)) b"
    )
    started = time.monotonic()
    assert quick.execute("select 1").fetchone() == (1,)
    assert time.monotonic() - started < 5
    query_id = slow.sfqid
    while quick.connection.is_still_running(quick.connection.get_query_status(query_id)):
        quick.execute(f"select system$cancel_query('{query_id}')")
    assert quick.connection.get_query_status(query_id).name in ("FAILED_WITH_ERROR", "ABORTED")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "sqlText": JUNK | st.sampled_from(["select ?", "select 1; select 2", "'", "/*", "select $1", "begin", "$$"]),
        "bindings": JUNK
        | st.dictionaries(st.sampled_from(["1", "2", "x"]), st.fixed_dictionaries({"type": JUNK, "value": JUNK})),
        "parameters": JUNK
        | st.dictionaries(st.sampled_from(["MULTI_STATEMENT_COUNT", "TIMEZONE", "STATEMENT_TIMEOUT_IN_SECONDS"]), JUNK),
        "describeOnly": JUNK,
        "asyncExec": JUNK,
        "sequenceId": JUNK,
        "data": JUNK,
    },
)
PATHS = [
    "/queries/v1/query-request",
    "/session/v1/login-request",
    "/session/token-request",
    "/queries/v1/abort-request",
]


@pytest.fixture(scope="module")
def fuzzed(server: Any) -> str:
    return login(server, "TEST-FUZZED")["token"]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(PATHS), body=BODIES | st.binary(max_size=30), number=st.uuids(), zipped=st.booleans())
def test_no_request_brings_the_server_down(
    server: Any, fuzzed: str, path: str, body: Any, number: Any, zipped: bool
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode(errors="replace")
    headers = {"content-encoding": "gzip"} if zipped and isinstance(body, bytes) else {}
    status, _ = post(server, f"{path}?requestId={number}", raw, fuzzed, headers)
    assert status < 500


def test_memory_stays_bounded_under_steady_work(connect: Callable[..., Any]) -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    cursor = connect().cursor()

    def work(rounds: int) -> None:
        for i in range(rounds):
            cursor.execute(f"select {i}, repeat('x', 1000) from table(generator(rowcount => 200))").fetchall()

    work(60)
    before = resident()
    work(150)
    assert resident() - before < 150 * 2**20


def test_threads_end_with_their_statements(connect: Callable[..., Any]) -> None:
    before = threading.active_count()
    for _ in range(3):
        with connect() as connection:
            connection.cursor().execute("select 1")
    assert threading.active_count() <= before + 20


def test_an_error_of_sql_is_an_answer(server: Any, token: str) -> None:
    for text in ("selec 1", "select 1/0", "select * from nowhere.x.y", "", ";", "create table", "select 'a'::int"):
        status, answer = post(server, f"/queries/v1/query-request?requestId={hash(text)}", {"sqlText": text}, token)
        assert status == 200 and answer["success"] is False and answer["code"]


def test_the_connector_raises_what_the_server_says(connect: Callable[..., Any]) -> None:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as raised:
        connect().cursor().execute("select 1/0")
    assert (raised.value.errno, raised.value.sqlstate) == (100051, "22012") and raised.value.sfqid
