"""Statements over the wire, by the connector."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
from datetime import time as clock_time
from decimal import Decimal

import pytest
import snowflake.connector
from snowflake.connector.constants import QueryStatus


def fetch(connection, text, *arguments):
    return connection.cursor().execute(text, *arguments).fetchall()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", 1),
        ("12345678901234567890123456789012345678", 12345678901234567890123456789012345678),
        ("-1.50::number(10,2)", Decimal("-1.50")),
        ("1.5::float", 1.5),
        ("true", True),
        ("null", None),
        ("'ä€😀'", "ä€😀"),
        ("'2020-02-29'::date", date(2020, 2, 29)),
        ("'0001-01-01'::date", date(1, 1, 1)),
        ("'10:11:12.123456'::time", clock_time(10, 11, 12, 123456)),
        ("'2020-01-02 03:04:05.678'::timestamp_ntz", datetime(2020, 1, 2, 3, 4, 5, 678000)),  # noqa: DTZ001
        ("'1969-12-31 23:59:59.5'::timestamp_ntz", datetime(1969, 12, 31, 23, 59, 59, 500000)),  # noqa: DTZ001
        ("'9999-12-31 23:59:59'::timestamp_ntz", datetime(9999, 12, 31, 23, 59, 59)),  # noqa: DTZ001
        ("'2020-01-02 03:04:05 +00:00'::timestamp_tz", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("'2020-01-02 03:04:05 +00:00'::timestamp_ltz", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("to_binary('00FF')", b"\x00\xff"),
        ("parse_json('[1]')", "[\n  1\n]"),
    ],
)
def test_values_arrive(connect, expression, value):
    [(found,)] = fetch(connect(), f"select {expression}")
    assert found == value


@pytest.mark.parametrize(
    "value",
    [
        1,
        -7,
        Decimal("1.25"),
        1.5,
        "o'brien",
        None,
        True,
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3, 4, 5),  # noqa: DTZ001
        clock_time(1, 2, 3),
        b"\x00\x01",
    ],
    ids=repr,
)
def test_binds_come_back(connect, value):
    assert fetch(connect(paramstyle="qmark"), "select ?", (value,)) == [(value,)]


def test_numbered_binds(connect):
    assert fetch(connect(paramstyle="numeric"), "select :2, :1, :2", ("a", "b")) == [("b", "a", "b")]


def test_a_large_result_comes_in_chunks(connect):
    rows = fetch(connect(), "select seq4() as n, 'row ' || seq4() from table(generator(rowcount => 120000))")
    assert len(rows) == 120_000
    assert sorted(row[0] for row in rows) == list(range(120_000))


def test_columns_are_described_without_running(connect):
    connection = connect()
    columns = connection.cursor().describe("select 1 as a, 'x' as b")
    assert [column.name for column in columns] == ["A", "B"]
    assert fetch(connection, "select 1 as a where false") == []


def test_dictionaries(connect):
    cursor = connect().cursor(snowflake.connector.DictCursor)
    assert cursor.execute('select 1 as a, 2 as "b"').fetchall() == [{"A": 1, "b": 2}]


@pytest.mark.parametrize(
    ("text", "errno", "sqlstate"),
    [
        ("select * from no_such_database.s.t", 2003, "02000"),
        ("frobnicate the database", 1003, "42000"),
        ("execute image build", 2, "0A000"),
        ("select 1 from", 1003, "42000"),
        ("select nothing_of_that_name", 904, "42000"),
        ("use role no_such_role", 2043, "02000"),
    ],
)
def test_errors_have_number_and_state(connect, text, errno, sqlstate):
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        fetch(connect(), text)
    assert (caught.value.errno, caught.value.sqlstate) == (errno, sqlstate)


def test_several_statements(connect):
    cursor = connect().cursor()
    cursor.execute("set a = 5; select $a; select 'a;b' /* ; */", num_statements=3)
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    assert found == [[("Statement executed successfully.",)], [(5,)], [("a;b",)]]


def test_several_statements_must_be_announced(connect):
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        fetch(connect(), "select 1; select 2")
    assert caught.value.errno == 8


def test_a_semicolon_at_the_end_is_no_second_statement(connect):
    assert fetch(connect(), "select 1 ; -- done") == [(1,)]


def test_async_query(connect):
    connection = connect()
    cursor = connection.cursor()
    cursor.execute_async("select 42")
    cursor.get_results_from_sfqid(cursor.sfqid)
    assert cursor.fetchall() == [(42,)]
    assert connection.get_query_status(cursor.sfqid) == QueryStatus.SUCCESS


def test_results_by_query_id(connect):
    connection = connect()
    first = connection.cursor()
    first.execute("select 7")
    again = connection.cursor()
    again.get_results_from_sfqid(first.sfqid)
    assert again.fetchall() == [(7,)]


def test_failed_query_has_its_status(connect):
    connection = connect()
    cursor = connection.cursor()
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        cursor.execute("select nothing_of_that_name")
    assert connection.get_query_status(cursor.sfqid) == QueryStatus.FAILED_WITH_ERROR


_SLOW = "select count(*) from table(generator(rowcount => 3000000)) a, table(generator(rowcount => 3000000)) b"


def test_a_slow_query_is_cancelled(connect, server):
    connection = connect(account="TEST-SLOW")
    account = server.accounts.find("TEST-SLOW")
    failures = []

    def run():
        try:
            fetch(connection, _SLOW)
        except snowflake.connector.errors.Error as error:
            failures.append(error.errno)

    thread = threading.Thread(target=run)
    thread.start()
    while not (running := account.queries.running()):
        time.sleep(0.005)
    # Another session goes on meanwhile.
    assert fetch(connect(account="TEST-SLOW"), "select 1") == [(1,)]
    running[0].session.cancel(running[0].query_id)
    thread.join(timeout=20)
    assert failures == [604]
    assert fetch(connection, "select 1") == [(1,)]


def test_statement_timeout(connect):
    connection = connect()
    fetch(connection, "alter session set statement_timeout_in_seconds = 1")
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        fetch(connection, _SLOW)
    assert caught.value.errno == 630


def test_sessions_at_once_get_their_own_answers(connect):
    connections = [connect(account="TEST-MANY") for _ in range(4)]
    wrong = []

    def ask(number, connection):
        expected = range(number * 1000, number * 1000 + 20)
        wrong.extend(i for i in expected if fetch(connection, f"select {i}") != [(i,)])

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_queries_are_recorded(connect, server):
    connection = connect(account="TEST-HISTORY")
    fetch(connection, "alter session set query_tag = 'AUDIT_QUERY'")
    fetch(connection, "select 1 as recorded")
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        fetch(connection, "select nothing_of_that_name")
    rows = server.accounts.find("TEST-HISTORY").history.rows("query_history")
    found = [(row["query_type"], row["execution_status"], row["query_tag"], row["error_code"]) for row in rows]
    assert found == [
        ("ALTER_SESSION", "SUCCESS", "AUDIT_QUERY", None),
        ("SELECT", "SUCCESS", "AUDIT_QUERY", None),
        ("SELECT", "FAIL", "AUDIT_QUERY", "904"),
    ]
    assert rows[1]["rows_produced"] == 1


@pytest.mark.parametrize(
    ("style", "text", "places"),
    [
        ("qmark", "insert into t values (?, ?)", 2),
        ("numeric", "insert into t (n, s) values (:1, :2)", 2),
        ("qmark", "insert into t select ?, ?", 2),
        ("pyformat", "insert into t values (%s, %s)", 2),
    ],
)
def test_many_rows_at_once(connect, style, text, places):
    connection = connect(paramstyle=style)
    fetch(connection, "create or replace database d")
    fetch(connection, "create table t (n int, s varchar)")
    cursor = connection.cursor()
    cursor.executemany(text, [(i, f"row {i}")[:places] for i in range(25)])
    assert cursor.rowcount == 25
    assert fetch(connection, "select count(*), sum(n), max(s) from t") == [(25, 300, "row 9")]


def test_many_rows_are_all_or_none(connect):
    connection = connect(paramstyle="qmark")
    fetch(connection, "create or replace database d")
    fetch(connection, "create table t (n int not null)")
    rows = [(1,), (2,), (None,)]
    with pytest.raises(snowflake.connector.errors.Error):
        connection.cursor().executemany("insert into t values (?)", rows)
    assert fetch(connection, "select count(*) from t") == [(0,)]


def test_files_go_to_a_stage_and_come_back(connect, tmp_path):
    connection = connect()
    for text in ("create or replace database d", "create stage st", "create table t (n int, s varchar)"):
        fetch(connection, text)
    (tmp_path / "a.csv").write_text("1,x\n2,y\n")
    [put] = fetch(connection, f"put file://{tmp_path}/*.csv @st")
    assert put[6] == "UPLOADED"
    fetch(connection, "copy into t from @st file_format = (type = csv)")
    assert fetch(connection, "select * from t order by n") == [(1, "x"), (2, "y")]
    (tmp_path / "out").mkdir()
    fetch(connection, f"get @st file://{tmp_path}/out/")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv.gz"]


@pytest.mark.parametrize("form", ["ARROW", "JSON"])
def test_a_timestamp_with_an_offset_keeps_it(connect, form):
    with connect(session_parameters={"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": form}) as connection:
        texts = ["2024-01-01 12:00:00.123456 +0200", "1969-12-31 23:59:59.999999 -0330", "9999-12-31 00:00:00 +0000"]
        rows = ", ".join(f"('{text}'::timestamp_tz)" for text in texts)
        found = [row[0] for row in fetch(connection, f"select column1 from values {rows}, (null)")]
        wanted = [datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")) for text in texts]
        assert found == [*wanted, None]
        assert [value.utcoffset() for value in found[:3]] == [value.utcoffset() for value in wanted]
        assert fetch(connection, "select null::timestamp_tz, null::timestamp_tz(3)") == [(None, None)]
