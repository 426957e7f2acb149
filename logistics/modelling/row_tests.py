"""SQL tests: those of sql/tests and those that the contracts say; a row returned is a failure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.contracts import VALID_TO, ForeignKey, ModelContract, TableContract
from logistics.declarations import Declarations, load_declarations, placeholder_values
from logistics.errors import UsageError
from logistics.modelling.compiler import resolve_name
from logistics.modelling.queries import Query
from logistics.quality.checks import TEST_HEADER
from logistics.settings import StackSettings
from logistics.sql import identifier, literal
from logistics.sql.header import header
from logistics.sql.placeholders import fill

SHOWN_ROWS = 5
"""So many failing rows are kept of each test."""


@dataclass(frozen=True, kw_only=True)
class RowTest:
    """A query that returns the rows that are wrong.

    Attributes:
        name: of its file, or of the contract's rule, such as `marts.tbl_dim_customer: key`.
        file: the SQL test or contract, under the project.
    """

    name: str
    comment: str
    severity: str
    query: str
    file: Path


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """What a test found: the number of failing rows and the first of them, with the names of their columns."""

    test: RowTest
    failures: int
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    seconds: float


def load_row_tests(root: Path, settings: StackSettings, only: Sequence[str] = ()) -> list[RowTest]:
    """Reads sql/tests and adds the tests of every contract: key, values that must be there, accepted values, foreign keys, checks.

    Args:
        root: the project's folder.
        settings: the stack's settings.
        only: names of tests, or of tables and models whose tests are wanted; all if there is none.

    Raises:
        UsageError: a name of `only` fits no test.
        FileError: a file is wrong.
    """
    declared = load_declarations(root, settings)
    database = settings.platform.database
    tests = [*_written(root, settings, declared), *_generated(declared, database)]
    if not only:
        return tests
    for wanted in only:
        if not any(_fits(test, wanted) for test in tests):
            raise UsageError(f"no test is called {wanted}, and no table of that name has tests")
    return [test for test in tests if any(_fits(test, wanted) for wanted in only)]


def run_row_tests(cursor: Any, tests: Sequence[RowTest]) -> Iterator[TestResult]:
    """Runs tests as DATA_ENGINEER, who alone sees every row; yields each result as it comes."""
    for test in tests:
        began = time.monotonic()
        cursor.execute(test.query)
        rows = cursor.fetchmany(SHOWN_ROWS)
        columns = [column[0].lower() for column in cursor.description]
        yield TestResult(
            test=test, failures=cursor.rowcount or 0, columns=columns, rows=rows, seconds=time.monotonic() - began
        )


def failed(results: Sequence[TestResult]) -> list[TestResult]:
    """Returns the critical tests that found rows: those that fail a command."""
    return [result for result in results if result.failures and result.test.severity == "critical"]


def failure_lines(results: Sequence[TestResult]) -> list[str]:
    """Returns a line for each failed critical test: its name, how many rows, the first of them."""
    return [
        f"{result.test.name}: {result.failures} rows, such as {dict(zip(result.columns, map(str, result.rows[0]), strict=True))}"
        for result in failed(results)
    ]


def _fits(test: RowTest, wanted: str) -> bool:
    table = test.name.split(":")[0]
    return wanted in (test.name, table, table.split(".")[-1])


def _written(root: Path, settings: StackSettings, declared: Declarations) -> Iterator[RowTest]:
    values = placeholder_values(settings, declared.access)
    known = {*declared.tables, *declared.sql.views}
    for path in sorted((root / "sql" / "tests").glob("*.sql")):
        file = path.relative_to(root)
        text = fill(path.read_text(encoding="utf-8"), values, file)
        said = header(text, file, TEST_HEADER)
        query = Query(text, file)
        database = settings.platform.database

        def resolve(name: str, line: int | None, file: Path = file, database: str = database) -> str:
            return resolve_name(name, known, database, file, line)

        yield RowTest(
            name=path.stem,
            comment=said["comment"],
            severity=said.get("severity", "critical"),
            query=query.deployed(resolve, database),
            file=file,
        )


def _generated(declared: Declarations, database: str) -> Iterator[RowTest]:
    contracts: dict[str, tuple[TableContract, Path]] = {
        name: (contract, Path("sql/tables", contract.schema_name, f"{contract.table}.yaml"))
        for name, contract in declared.tables.items()
    }
    contracts |= {model.name: (model.contract, model.contract_file) for model in declared.models.models.values()}
    for name, (contract, file) in sorted(contracts.items()):
        table = f"{identifier(database)}.{name}"
        for rule, comment, severity, query in _rules(contract, table, database):
            yield RowTest(name=f"{name}: {rule}", comment=comment, severity=severity, query=query, file=file)


def _rules(contract: TableContract, table: str, database: str) -> Iterator[tuple[str, str, str, str]]:
    """Yields the name, meaning, severity and query of each rule of a contract."""
    keys = contract.primary_key
    shown = ", ".join(keys) or "*"
    if keys:
        yield "key", f"{', '.join(keys)} is there once", "critical", _repeated(keys, table)
    if isinstance(contract, ModelContract) and contract.materialization == "snapshot":
        query = _repeated(contract.merge_key, table, f"where {VALID_TO} is null ")
        yield "open versions", "a key has one version that holds", "critical", query
    needed = [column.name for column in contract.columns if not column.nullable]
    if needed:
        missing = " or ".join(f"{name} is null" for name in needed)
        yield "not null", f"{', '.join(needed)} are there", "critical", f"select {shown} from {table} where {missing}"
    for column in contract.columns:
        if column.accepted:
            values = ", ".join(literal(value) for value in column.accepted)
            query = f"select {shown}, {column.name} from {table} where {column.name} not in ({values})"
            yield f"{column.name} accepted", f"{column.name} is one of {values}", "critical", query
    for key in contract.foreign_keys:
        query = _missing(key, shown, table, f"{identifier(database)}.{key.references}")
        yield f"{', '.join(key.columns)} exists", f"it is in {key.references}", "critical", query
    for check in contract.checks:
        if check.failing_rows and check.max_null_share is None:
            wrong = check.failing_rows
            yield check.name, wrong, check.severity, f"select {shown} from {table} where {wrong}"


def _repeated(keys: Sequence[str], table: str, where: str = "") -> str:
    listed = ", ".join(keys)
    return f"select {listed}, count(*) as copies from {table} {where}group by {listed} having count(*) > 1"


def _missing(key: ForeignKey, shown: str, table: str, target: str) -> str:
    match = " and ".join(f"there.{to} = here.{name}" for name, to in zip(key.columns, key.to, strict=True))
    given = " and ".join(f"here.{name} is not null" for name in key.columns)
    columns = ", ".join(f"here.{name}" for name in [*shown.split(", "), *key.columns])
    return f"select {columns} from {table} as here where {given} and not exists (select 1 from {target} as there where {match})"
