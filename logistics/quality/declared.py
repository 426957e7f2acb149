"""The checks that the contracts and sql/tests declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from logistics import contracts
from logistics.contracts import VALID_TO, ModelContract, TableContract
from logistics.errors import ContractError, SqlFileError
from logistics.modelling import Models
from logistics.modelling.compiler import resolve_name
from logistics.modelling.queries import Query, schema_of
from logistics.quality.checks import ANOMALY_SUFFIX, SEVERITIES, TEST_HEADER, Check, Quality
from logistics.sql import Values, identifier, literal
from logistics.sql.header import header
from logistics.sql.parse import parse_sql
from logistics.sql.placeholders import fill

UNOWNED = "data_engineering"
"""Who answers for a table whose contract names nobody."""

_TO_DO = {
    "uniqueness": "Find which load brought the key twice, delete the surplus rows, and refresh the model.",
    "completeness": "Ask the source for the missing values; refresh the model when they have come.",
    "accepted": "Add the value to the contract if it is a new one that is meant; else mend it at the source.",
    "reference": "Load the missing parent rows, or take the orphaned rows back; refresh the model.",
    "volume": "Look at the last load: whether it came, was cut short, or came twice.",
    "anomaly": "Look at what changed in the last load; nothing to do where the change is meant.",
}


def collect(root: Path, models: Models, views: Sequence[str], values: Values, database: str) -> Quality:
    """Returns the checks of every contract and of every file of sql/tests.

    Args:
        root: the project's folder.
        models: the compiled models, with the tables beside them.
        views: names of the views that are no models.
        values: of placeholders.
        database: the platform's database.

    Raises:
        ContractError, SqlFileError: a check is wrong; names the file.
    """
    known = {*models.tables, *models.models, *views}
    checks: list[Check] = []
    for name, contract in models.kept.items():
        model = models.models.get(name)
        file = model.contract_file if model else Path("sql/tables", contract.schema_name, f"{contract.table}.yaml")
        checks += _OfContract(contract, file, database, known).checks()
    files = sorted((root / "sql" / "tests").glob("*.sql"))
    checks += [_written(path, root, models, known, values, database) for path in files]
    checks += [_anomaly(check) for check in checks if check.learned]
    twice = {check.name for check in checks if sum(other.name == check.name for other in checks) > 1}
    if twice:
        raise ContractError(Path("sql"), None, f"two checks are called {min(twice)}")
    return Quality(checks=tuple(checks), tables=models.kept, database=database)


class _OfContract:
    """The checks of one contract: of its keys, columns and references by themselves, and those that it lists."""

    def __init__(self, contract: TableContract, file: Path, database: str, known: set[str]) -> None:
        self._contract = contract
        self._file = file
        self._database = identifier(database)
        self._known = known
        self._owner = contract.owner if isinstance(contract, ModelContract) else UNOWNED

    def checks(self) -> list[Check]:
        """Returns them, the keys first."""
        listed = [self._listed(check) for check in self._contract.checks]
        found = [*self._keys(), *self._columns(), *self._references(), *listed]
        if not any(check.kind == "volume" for check in found):
            found.append(self._volume("volume", "info", None, None, {}))
        return found

    def _check(self, rule: str, kind: str, description: str, **more: Any) -> Check:
        more = {"severity": "critical", "owner": self._owner, "what_to_do": _TO_DO.get(kind, ""), **more}
        name = self._contract.full_name
        return Check(name=f"{name}: {rule}", table=name, kind=kind, description=description, **more)

    def _rows(self, rule: str, kind: str, description: str, condition: str, shown: Sequence[str], **more: Any) -> Check:
        count = (f"count_if({condition})",)
        more = {"aggregates": count, "failures": "{a0}", "failing_row": condition, "shown": tuple(shown), **more}
        return self._check(rule, kind, description, **more)

    def _keys(self) -> Iterator[Check]:
        contract = self._contract
        if contract.primary_key:
            yield self._unique("key", contract.primary_key, "")
        if isinstance(contract, ModelContract) and contract.materialization == "snapshot":
            yield self._unique("open versions", contract.merge_key, f"{VALID_TO} is null")

    def _unique(self, rule: str, keys: Sequence[str], only: str) -> Check:
        """A key counts its rows beyond the first of each; one without a value is a matter of completeness."""
        given = " and ".join([f"{key} is not null" for key in keys] + ([only] if only else []))
        distinct = [f"iff({given}, {key}, null)" if only else key for key in keys]
        window = f"copies_{rule.replace(' ', '_')}"
        listed = ", ".join(keys)
        return self._check(
            rule,
            "uniqueness",
            f"{listed} is there once" + (f" where {only}" if only else ""),
            aggregates=(f"count_if({given})", f"count(distinct {', '.join(distinct)})"),
            failures="{a0} - {a1}",
            failing_row=f"{given} and {window} > 1",
            windows=((window, f"count_if({given}) over (partition by {listed})"),),
            shown=tuple(keys),
        )

    def _columns(self) -> Iterator[Check]:
        needed = [column.name for column in self._contract.columns if not column.nullable]
        if needed:
            missing = " or ".join(f"{name} is null" for name in needed)
            yield self._rows("not null", "completeness", f"{', '.join(needed)} are there", missing, needed)
        for column in self._contract.columns:
            if column.accepted:
                values = ", ".join(literal(value) for value in column.accepted)
                condition = f"{column.name} not in ({values})"
                told = f"{column.name} is one of {values}"
                yield self._rows(f"{column.name} accepted", "accepted", told, condition, [column.name])

    def _references(self) -> Iterator[Check]:
        for number, key in enumerate(self._contract.foreign_keys):
            alias, listed = f"ref{number}", ", ".join(key.columns)
            others = [other for other in self._contract.foreign_keys if other.columns == key.columns]
            names = [f"{alias}_k{place}" for place in range(len(key.to))]
            keys = ", ".join(f"{to} as {name}" for to, name in zip(key.to, names, strict=True))
            matched = " and ".join(f"{alias}.{n} = t.{c}" for n, c in zip(names, key.columns, strict=True))
            target = f"{self._database}.{key.references}"
            given = " and ".join(f"{name} is not null" for name in key.columns)
            yield self._rows(
                f"{listed} exists" + (f" in {key.references.split('.')[1]}" if len(others) > 1 else ""),
                "reference",
                f"{listed} is in {key.references}",
                f"{given} and {alias}_there is null",
                key.columns,
                joins=(
                    f"left join (select distinct {keys}, true as {alias}_there from {target}) as {alias} on {matched}",
                ),
            )

    def _listed(self, check: contracts.Check) -> Check:
        more = {"severity": check.severity, "owner": check.owner or self._owner}
        more |= {"what_to_do": check.what_to_do} if check.what_to_do else {}
        kind, column = check.kind, check.column
        if kind == "rule":
            self._parse(check, f"select 1 where {check.where}")
            shown = [each.name for each in self._contract.columns if _names(str(check.where), each.name)]
            return self._rows(check.name, kind, f"not {check.where}", str(check.where), shown, **more)
        if kind == "range":
            assert check.between
            low, high = (str(end) if end is not None else "" for end in check.between)
            told = f"{column} is {f'from {low} ' if low else ''}{f'to {high}' if high else 'up'}".strip()
            return self._rows(check.name, kind, told, str(check.failing_rows), [str(column)], **more)
        if kind == "completeness":
            more |= {"failures": f"iff({{a0}} > {check.max_null_share} * {{rows}}, {{a0}}, 0)"}
            more |= {"value": "{a0} / nullif({rows}, 0)", "learned": True}
            told = f"at most {check.max_null_share:.2%} of the rows have no {column}"
            return self._rows(check.name, kind, told, f"{column} is null", [str(column)], **more)
        if kind == "volume":
            return self._volume(check.name, check.severity, check.min_rows, check.max_rows, more)
        return self._fresh(check, more) if kind == "freshness" else self._consistent(check, more)

    def _volume(self, rule: str, severity: str, low: int | None, high: int | None, more: Mapping[str, Any]) -> Check:
        outside = [f"{{rows}} {sign} {end}" for sign, end in (("<", low), (">", high)) if end is not None]
        bounds = [f"{word} {end:,}" for word, end in (("at least", low), ("at most", high)) if end is not None]
        told = f"it holds {' and '.join(bounds)} rows" if bounds else "its rows are counted"
        failures = f"iff({' or '.join(outside)}, 1, 0)" if outside else "0"
        more = {"severity": severity, **more}
        return self._check(rule, "volume", told, failures=failures, value="{rows}", learned=True, **more)

    def _fresh(self, check: contracts.Check, more: Mapping[str, Any]) -> Check:
        # Of a time with a zone the instant counts; one without is UTC, as all times of the platform are.
        age = f"datediff('second', max({check.column}), {self._now(str(check.column))}) / 3600.0"
        return self._check(
            check.name,
            "freshness",
            f"the newest {check.column} is at most {check.max_age_hours:g} hours old",
            aggregates=(age,),
            failures=f"iff({{a0}} > {check.max_age_hours}, 1, 0)",
            value="{a0}",
            no_data="{a0} is null",
            learned=True,
            **{
                "what_to_do": "See whether the load and the refreshing task have run: `logistics quality heal`.",
                **more,
            },
        )

    def _now(self, column: str) -> str:
        declared = self._contract.column(column)
        kind = declared.type if declared else ""
        if not kind.startswith(("TIMESTAMP", "DATE", "DATETIME")):
            raise ContractError(self._file, None, f"check of {column}: freshness needs a time, and it is {kind}")
        zoned = kind.startswith(("TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMPLTZ", "TIMESTAMPTZ"))
        return "current_timestamp()" if zoned else "sysdate()"

    def _consistent(self, check: contracts.Check, more: Mapping[str, Any]) -> Check:
        other = check.equals
        assert other
        if other.table not in self._known:
            raise ContractError(self._file, None, f"check {check.name}: {other.table} is no table of this platform")
        self._parse(check, f"select {check.measure}, {other.measure}")
        apart = "abs(coalesce({a0}, 0) - coalesce({b0}, 0))"
        within = f" within {other.tolerance:g}" if other.tolerance else ""
        return self._check(
            check.name,
            "consistency",
            f"{check.measure} is {other.measure} of {other.table}{within}",
            aggregates=(str(check.measure),),
            beside=(f"select {other.measure} as v from {self._database}.{other.table}",),
            failures=f"iff({apart} > {other.tolerance}, 1, 0)",
            value=apart,
            **{"what_to_do": f"Refresh both: `logistics refresh {self._contract.full_name}`.", **more},
        )

    def _parse(self, check: contracts.Check, text: str) -> None:
        try:
            parse_sql(text, self._file)
        except SqlFileError as error:
            raise ContractError(self._file, None, f"check {check.name}: {error.problem}") from None


def _names(text: str, column: str) -> bool:
    return column in text.lower().replace("(", " ").replace(")", " ").replace(",", " ").split()


def _anomaly(check: Check) -> Check:
    what = {
        "volume": "change of its rows",
        "freshness": "age of its newest row",
        "completeness": "share without a value",
    }
    return Check(
        name=check.name + ANOMALY_SUFFIX,
        table=check.table,
        kind="anomaly",
        severity="info" if check.severity == "info" else "warning",
        owner=check.owner,
        description=f"the {what[check.kind]} is as usual on this weekday",
        what_to_do=_TO_DO["anomaly"],
        failures="0",
    )


def _written(path: Path, root: Path, models: Models, known: set[str], values: Values, database: str) -> Check:
    """Returns the check of a file of sql/tests; it belongs to the table that the query names first."""
    file = path.relative_to(root)
    text = fill(path.read_text(encoding="utf-8"), values, file)
    said = header(text, file, TEST_HEADER)
    severity = str(said.get("severity", "critical"))
    if severity not in SEVERITIES:
        raise SqlFileError(file, 1, f"severity is {severity!r}: allowed: {', '.join(SEVERITIES)}")
    query = Query(text, file)

    def resolve(name: str, line: int | None) -> str:
        return resolve_name(name, known, database, file, line)

    reads = query.reads(resolve)
    table = next((name for name in reads if name in models.kept), None)
    if table is None:
        raise SqlFileError(file, 1, "a test reads a table of the platform")
    deployed = query.deployed(resolve, database)
    contract = models.kept[table]
    owner = contract.owner if isinstance(contract, ModelContract) else UNOWNED
    return Check(
        name=path.stem,
        table=table,
        kind="query",
        severity=severity,
        owner=str(said.get("owner") or owner),
        description=said["comment"],
        what_to_do=str(said.get("what_to_do") or ""),
        beside=(f"select count(*) as v from (\n{deployed}\n)",),
        failures="{b0}",
        no_data="{rows} = 0" if said.get("needs_rows") else "false",
        query=deployed,
        query_columns=_safe_columns(query, resolve, models),
    )


def _safe_columns(query: Query, resolve: Any, models: Models) -> tuple[str, ...]:
    """Returns the columns of a test that come from no personal data; what cannot be traced is left out."""
    types = {name: {c.name: c.type for c in contract.columns} for name, contract in models.kept.items()}
    types |= {name: {c.name: c.type for c in model.contract.columns} for name, model in models.models.items()}
    hidden = {
        (name, column.name)
        for name, contract in models.kept.items()
        for column in contract.columns
        if column.masking_policy or column.pii
    }
    return tuple(
        column.name
        for column in query.columns(resolve, schema_of(types))
        if column.origins and not any((origin.table, origin.column) in hidden for origin in column.origins)
    )
