"""One statement a table for all of its checks, and one for samples of the rows that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from logistics.contracts import POLICY_COLUMNS, TableContract
from logistics.quality.checks import FAILING_WHOLE, Check, Quality
from logistics.sql import literal

SAMPLED_ROWS = 5
"""So many failing rows are kept of each check and run."""
_SAMPLED = "sampled_check_name"
"""The column that says which check a kept row fails; no contract has one of that name."""
_SAMPLE_TABLES = {"customer_data_policy": "quality_failing_rows", "vehicle_data_policy": "quality_failing_vehicle_rows"}
RESULT_COLUMNS = (
    "run_id, check_name, table_name, kind, severity, result, failures, rows_checked, value, message, run_by, checked_at"
)


def by_table(checks: Iterable[Check]) -> list[tuple[str, list[Check]]]:
    """Returns the checks of each table that a statement measures, sorted by table; anomalies are judged after them all."""
    measured = sorted((check for check in checks if check.kind != "anomaly"), key=lambda check: check.table)
    return [(table, list(found)) for table, found in groupby(measured, key=lambda check: check.table)]


def measure(quality: Quality, checks: Sequence[Check], run_id: str, run_by: str) -> str:
    """Returns the statement that measures checks of one table in one pass and adds a result for each.

    Args:
        quality: the platform's checks.
        checks: all of one table; kind, severity and description are taken from the registry, which must hold them.
        run_id: the run's id, as SQL.
        run_by: `task` or `command`.
    """
    table = checks[0].table
    aggregates = _numbered(text for check in checks for text in check.aggregates)
    beside = _numbered(text for check in checks for text in check.beside)
    joins = "".join(f"\n    {join}" for join in dict.fromkeys(join for check in checks for join in check.joins))
    inner = ", ".join(["count(*) as rows_n", *(f"{text} as a{number}" for text, number in aggregates.items())])
    crossed = "".join(f"\ncross join ({text}) as b{number}" for text, number in beside.items())
    found = ",\n    ".join(_element(check, aggregates, beside) for check in checks)
    return f"""insert into {quality.full("monitoring.quality_results")} ({RESULT_COLUMNS})
with measured as (
    select {inner}
    from {quality.full(table)} as t{joins}
),
found as (
    select m.rows_n, array_construct(
    {found}
    ) as results
    from measured as m{crossed}
),
judged as (
    select
        each.value[0]::varchar as check_name, each.value[1]::number as failures, each.value[2]::float as value,
        each.value[3]::boolean as no_data, found.rows_n
    from found, lateral flatten(input => found.results) as each
)
select
    {run_id}, c.check_name, c.table_name, c.kind, c.severity,
    case when j.no_data then 'no_data' when j.failures > 0 then 'failed' else 'passed' end,
    iff(j.no_data, null, j.failures), j.rows_n, j.value,
    case
        when j.no_data then 'nothing to judge yet: '
        when j.failures > 0 and c.kind = 'query' then j.failures || iff(j.failures = 1, ' row fails: ', ' rows fail: ')
        when j.failures > 0 and c.kind not in ({listed(FAILING_WHOLE)}) then
            j.failures || ' of ' || j.rows_n || iff(j.failures = 1, ' rows fails: ', ' rows fail: ')
        when j.failures > 0 then 'not so: '
        else ''
    end || c.description || iff(j.value is null, '', '; measured ' || round(j.value, 4)::varchar),
    {literal(run_by)}, sysdate()
from judged as j
inner join {quality.full("monitoring.quality_checks")} as c on c.check_name = j.check_name"""


def _element(check: Check, aggregates: dict[str, int], beside: dict[str, int]) -> str:
    names = {f"a{place}": f"m.a{aggregates[text]}" for place, text in enumerate(check.aggregates)}
    names |= {f"b{place}": f"b{beside[text]}.v" for place, text in enumerate(check.beside)}
    parts = [template.format(rows="m.rows_n", **names) for template in (check.failures, check.value, check.no_data)]
    return f"array_construct({literal(check.name)}, {', '.join(parts)})"


def _numbered(texts: Iterable[str]) -> dict[str, int]:
    """Returns each text once, with a number."""
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}


def failed_to_run(quality: Quality, checks: Sequence[Check], run_id: str, run_by: str, error: str) -> str:
    """Returns the statement that adds a result `error` for each of the checks.

    Args:
        error: what went wrong, as SQL.
    """
    return f"""insert into {quality.full("monitoring.quality_results")} ({RESULT_COLUMNS})
select
    {run_id}, check_name, table_name, kind, severity, 'error', null, null, null,
    left('could not be run: ' || {error}, 2000), {literal(run_by)}, sysdate()
from {quality.full("monitoring.quality_checks")}
where {_of(checks)}"""


def samples(quality: Quality, checks: Sequence[Check], run_id: str) -> Iterator[str]:
    """Yields the statements that keep keys of failing rows of one table's checks: one for its own, one for each SQL test.

    Only those checks are sampled that failed in the run. Values of masked columns are never kept.
    """
    contract = quality.tables[checks[0].table]
    own = [check for check in checks if check.failing_row]
    if own:
        yield _sample_rows(quality, contract, own, run_id)
    for check in checks:
        if check.query and check.query_columns:
            yield _sample_query(quality, contract, check, run_id)


def _sample_rows(quality: Quality, contract: TableContract, checks: Sequence[Check], run_id: str) -> str:
    hidden = {column.name for column in contract.columns if column.masking_policy or column.pii}
    keys = [key for key in contract.primary_key if key not in hidden]
    windows = dict(window for check in checks for window in check.windows)
    joins = list(dict.fromkeys(join for check in checks for join in check.joins))
    added = [f"{expression} as {name}" for name, expression in windows.items()]
    added += [f"{alias}.{alias}_there" for alias in (join.rsplit(" as ", 1)[1].split(" on ")[0] for join in joins)]
    source = "".join(f", {text}" for text in added)
    failing = ",\n        ".join(f"iff({check.failing_row}, {literal(check.name)}, null)" for check in checks)
    order = ", ".join(f"s.{key}" for key in keys) or "1"
    # The few rows that are kept are chosen first: an object for every failing row of every check would cost their product.
    return f"""{_into(quality, contract, run_id, f"s.{_SAMPLED}", _object(keys), _offending(checks, hidden), "s")}
from (
    select s.*, f.value::varchar as {_SAMPLED}
    from (
        select t.*{source}
        from {quality.full(contract.full_name)} as t {" ".join(joins)}
    ) as s, lateral flatten(input => array_construct_compact(
        {failing}
    )) as f
    where {_protected(contract, "s")}f.value::varchar in ({_failed(quality, checks, run_id)})
    qualify row_number() over (partition by f.value::varchar order by {order}) <= {SAMPLED_ROWS}
) as s"""


def _offending(checks: Sequence[Check], hidden: set[str]) -> str:
    """Returns the expression of the values that offend a check, by the name in `_SAMPLED`; none of a hidden column."""
    by_columns: dict[tuple[str, ...], list[str]] = {}
    for check in checks:
        by_columns.setdefault(tuple(name for name in check.shown if name not in hidden), []).append(check.name)
    cases = " ".join(
        f"when s.{_SAMPLED} in ({listed(names)}) then {_object(columns)}" for columns, names in by_columns.items()
    )
    return f"case {cases} end"


def _sample_query(quality: Quality, contract: TableContract, check: Check, run_id: str) -> str:
    """A test's rows are kept as their columns; those that name nobody whom the policy knows are for engineers alone."""
    policy_column = _policy_column(contract)
    named = policy_column in check.query_columns
    columns = _object(list(check.query_columns))
    target = contract if named else None
    return f"""{_into(quality, target, run_id, literal(check.name), columns, columns, "s", check.table)}
from (
{check.query}
) as s
where {_protected(target, "s")}{literal(check.name)} in ({_failed(quality, [check], run_id)})
limit {SAMPLED_ROWS}"""


def _into(
    quality: Quality,
    contract: TableContract | None,
    run_id: str,
    name: str,
    keys: str,
    offending: str,
    alias: str,
    table: str = "",
) -> str:
    """Returns the head of an INSERT into the table of samples whose rows are protected as the checked table's."""
    column = _policy_column(contract)
    target = _SAMPLE_TABLES[POLICY_COLUMNS[column]] if column else _SAMPLE_TABLES["customer_data_policy"]
    shown = bool(contract and contract.readers)
    columns = "run_id, check_name, table_name, row_key, offending, is_shown, checked_at" + (
        f", {column}" if column else ""
    )
    return f"""insert into {quality.full(f"monitoring.{target}")} ({columns})
select
    {run_id}, {name}, {literal(table or (contract.full_name if contract else ""))}, left({keys}::varchar, 4000),
    left(({offending})::varchar, 4000), {literal(shown)}, sysdate(){f", {alias}.{column}" if column else ""}"""


def _policy_column(contract: TableContract | None) -> str:
    return (contract.policy_column or "") if contract else ""


def _protected(contract: TableContract | None, alias: str) -> str:
    """A vehicle's sample needs its vehicle; without one nobody could be shown it."""
    column = _policy_column(contract)
    return f"{alias}.{column} is not null and " if column == "vehicle_id" else ""


def _object(columns: Sequence[str]) -> str:
    """Returns the expression of an object with the columns; null values stay, since they are often what is wrong."""
    pairs = ", ".join(f"{literal(name)}, s.{name}" for name in columns)
    return f"object_construct_keep_null({pairs})"


def _of(checks: Sequence[Check]) -> str:
    """Returns the condition that a row is of one of the checks."""
    return f"check_name in ({listed(check.name for check in checks)})"


def _failed(quality: Quality, checks: Sequence[Check], run_id: str) -> str:
    return (
        f"select check_name from {quality.full('monitoring.quality_results')} where run_id = {run_id} "
        f"and table_name = {literal(checks[0].table)} and result = 'failed'"
    )


def register(quality: Quality, checks: Sequence[Check], cadences: Sequence[str]) -> Iterator[str]:
    """Yields the statements that bring the registry to what is declared: a MERGE, and what is no longer declared goes.

    Args:
        checks: all of the cadences.
        cadences: others are left as they are.
    """
    table = quality.full("monitoring.quality_checks")
    columns = ("check_name", "table_name", "kind", "severity", "owner", "description", "what_to_do", "cadence")
    rows = ",\n        ".join(_values(check) for check in checks)
    given = ", ".join(f"column{place} as {name}" for place, name in enumerate(columns, 1))
    told = columns[1:]
    yield f"""merge into {table} as kept
using (
    select {given}
    from values
        {rows}
) as declared
    on kept.check_name = declared.check_name
when matched and ({" or ".join(f"kept.{name} is distinct from declared.{name}" for name in told)}) then update set
    {", ".join(f"kept.{name} = declared.{name}" for name in told)}, kept.changed_at = sysdate()
when not matched then insert ({", ".join(columns)}, changed_at)
    values ({", ".join(f"declared.{name}" for name in columns)}, sysdate())"""
    names = listed(check.name for check in checks)
    yield f"delete from {table} where cadence in ({listed(cadences)}) and check_name not in ({names})"


def _values(check: Check) -> str:
    said = (
        check.name,
        check.table,
        check.kind,
        check.severity,
        check.owner,
        check.description[:1900],
        check.what_to_do[:1900],
        check.cadence,
    )
    return f"({', '.join(literal(' '.join(text.split())) for text in said)})"


def listed(texts: Iterable[str]) -> str:
    """Returns texts as SQL literals, with commas between."""
    return ", ".join(literal(text) for text in texts)
