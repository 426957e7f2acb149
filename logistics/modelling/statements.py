"""The statements that keep a model's rows: merges by the key, each of which may be run again without harm.

Whatever the order, lateness or repetition of the rows that arrive, a run computes the touched keys anew from what the tables
hold now and merges the difference: a row that stays the same is not touched, so the streams behind it stay quiet, and a key
that the query no longer gives is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import indent

from logistics.contracts import VALID_FROM, VALID_TO, ModelContract

_NOW = "current_timestamp()::timestamp_ntz"
_KEY = "merge_key_"
_GIVEN = "is_given"
_QUERY = "\0"
"""Stands for the query until the statement is laid out: a text in it that goes over lines must not be moved."""
_ROUNDING = ("NUMBER", "DECIMAL", "NUMERIC", "INT", "FLOAT", "DOUBLE", "REAL", "TIMESTAMP", "TIME")


def full_refresh(contract: ModelContract, query: str, target: str, streams: Sequence[str]) -> str:
    """Returns the statement that brings a model to all rows of its query and takes up what waits in its streams.

    Args:
        contract: the model's.
        query: its query, with full names.
        target: its table's full name.
        streams: full names of the streams that the statement consumes.
    """
    if contract.materialization == "snapshot":
        return _versions(contract, target, _all_keys(contract, target), streams).replace(_QUERY, query)
    if not contract.merge_key:
        return _overwrite(contract, query, target, streams)
    keys = contract.merge_key
    chosen = [f"coalesce(query.{key}, existing.{key}) as {_KEY}{n}" for n, key in enumerate(keys, 1)]
    source = (
        f"with query as (\n{_marked(contract)}\n)\n"
        f"select\n{_listed([*chosen, f'coalesce(query.{_GIVEN}, false) as {_GIVEN}', *_given(contract, 'query')])}\n"
        f"from query\n"
        f"full outer join {target} as existing\n    on {_equal(keys, 'existing', 'query')}"
        f"{_taken_up(streams)}"
    )
    return _merge(contract, target, source).replace(_QUERY, query)


def incremental_refresh(
    contract: ModelContract, query: str, target: str, changes: Mapping[str, Mapping[str, str]]
) -> str:
    """Returns the statement that computes the changed keys anew and merges them.

    Args:
        contract: the model's.
        query: its query, with full names.
        target: its table's full name.
        changes: by stream, the stream's column of each key column.
    """
    keys = contract.merge_key
    changed = "\nunion\n".join(
        f"select distinct {', '.join(f'{columns[key]} as {_KEY}{n}' for n, key in enumerate(keys, 1))}\nfrom {stream}"
        for stream, columns in sorted(changes.items())
    )
    if contract.materialization == "snapshot":
        return _versions(contract, target, changed, ()).replace(_QUERY, query)
    chosen = [f"changed.{_KEY}{n}" for n, _ in enumerate(keys, 1)]
    source = (
        f"with changed as (\n{indent(changed, '    ')}\n), query as (\n{_marked(contract)}\n)\n"
        f"select\n{_listed([*chosen, f'coalesce(query.{_GIVEN}, false) as {_GIVEN}', *_given(contract, 'query')])}\n"
        f"from changed\nleft join query\n    on {_changed_is('query', keys)}"
    )
    return _merge(contract, target, source).replace(_QUERY, query)


def staged_refresh(contract: ModelContract, query: str, target: str) -> str:
    """Returns the statement that merges staged rows by the key; rows that are not among them stay."""
    keys = [f"query.{key} as {_KEY}{n}" for n, key in enumerate(contract.merge_key, 1)]
    source = (
        f"with query as (\n{_marked(contract)}\n)\n"
        f"select\n{_listed([*keys, f'query.{_GIVEN}', *_given(contract, 'query')])}\nfrom query"
    )
    return _merge(contract, target, source).replace(_QUERY, query)


def _merge(contract: ModelContract, target: str, source: str) -> str:
    keys = " and ".join(f"target.{key} = source.{_KEY}{n}" for n, key in enumerate(contract.merge_key, 1))
    compared = [name for name in contract.query_columns if name not in contract.merge_key]
    updated = [f"{name} = source.{name}" for name in compared] + [f"{name} = {_NOW}" for name in _at_change(contract)]
    there = "" if contract.hard_deletes else f"source.{_GIVEN} and "
    update = (
        f"when matched and {there}(\n{_listed([_differs(compared, 'target', 'source')])}\n) then update set\n{_listed(updated)}\n"
        if compared
        else ""
    )
    filled = [column.name for column in contract.columns if column.filled_at]
    values = [f"source.{name}" for name in contract.query_columns] + [_NOW] * len(filled)
    return (
        f"merge into {target} as target\nusing (\n{indent(source, '    ')}\n) as source\non {keys}\n"
        f"{_delete(contract)}{update}"
        f"when not matched and source.{_GIVEN} then insert (\n{_listed([*contract.query_columns, *filled])}\n)\n"
        f"values (\n{_listed(values)}\n)"
    )


def _delete(contract: ModelContract) -> str:
    return f"when matched and not source.{_GIVEN} then delete\n" if contract.hard_deletes else ""


def _overwrite(contract: ModelContract, query: str, target: str, streams: Sequence[str]) -> str:
    """Without a key there is nothing to merge by: all rows are written anew, at once."""
    names = ", ".join(contract.query_columns)
    chosen = ", ".join(f"query.{name}" for name in contract.query_columns)
    return (
        f"insert overwrite into {target} ({names})\nwith query as (\n{query}\n)\n"
        f"select {chosen}\nfrom query{_taken_up(streams)}"
    )


def _versions(contract: ModelContract, target: str, changed: str, streams: Sequence[str]) -> str:
    """Closes the open versions of rows that changed or are gone and opens new ones, in one statement."""
    keys = contract.merge_key
    compared = [name for name in contract.query_columns if name not in keys]
    differs = _differs(compared, "latest", "query") if compared else "false"
    gone = "not coalesce(pairs.is_given, false)" if contract.hard_deletes else "false"
    key_names = [f"pairs.{_KEY}{n}" for n, _ in enumerate(keys, 1)]
    pairs = (
        f"select\n{_listed([*(f'changed.{_KEY}{n}' for n, _ in enumerate(keys, 1)), f'query.{_GIVEN}'])},\n"
        f"    latest.{VALID_FROM} is not null as was_there,\n    {differs} as differs,\n"
        f"{_listed(_given(contract, 'query'))}\nfrom changed\n"
        f"left join query\n    on {_changed_is('query', keys)}\n"
        f"left join {target} as latest\n    on {_changed_is('latest', keys)} and latest.{VALID_TO} is null"
    )
    rows = _listed([*key_names, *(f"pairs.{name}" for name in contract.query_columns)])
    source = (
        f"with query as (\n{_marked(contract)}\n), changed as (\n{indent(changed, '    ')}\n), pairs as (\n{indent(pairs, '    ')}\n)\n"
        f"select\n    'close' as step,\n{rows}\nfrom pairs{_taken_up(streams)}\n"
        f"where pairs.was_there and ({gone} or (pairs.is_given and pairs.differs))\n"
        f"union all\nselect\n    'open' as step,\n{rows}\nfrom pairs\n"
        f"where pairs.is_given and (not pairs.was_there or pairs.differs)"
    )
    matched = " and ".join(f"target.{key} = source.{_KEY}{n}" for n, key in enumerate(keys, 1))
    values = [
        *(f"source.{name}" for name in contract.query_columns),
        _NOW,
        "null",
    ]
    return (
        f"merge into {target} as target\nusing (\n{indent(source, '    ')}\n) as source\n"
        f"on {matched} and target.{VALID_TO} is null and source.step = 'close'\n"
        f"when matched then update set {VALID_TO} = {_NOW}\n"
        f"when not matched and source.step = 'open' then insert (\n"
        f"{_listed([*contract.query_columns, VALID_FROM, VALID_TO])}\n)\nvalues (\n{_listed(values)}\n)"
    )


def _all_keys(contract: ModelContract, target: str) -> str:
    keys = ", ".join(f"{key} as {_KEY}{n}" for n, key in enumerate(contract.merge_key, 1))
    return f"select {keys}\nfrom query\nunion\nselect {keys}\nfrom {target}\nwhere {VALID_TO} is null"


def _marked(contract: ModelContract) -> str:
    """A row that the query gives is told from one that the outer join fills, whatever its values.

    Numbers and times are given the column's type first: what is kept rounded must compare as the same.
    """
    columns = _listed([f"true as {_GIVEN}", *(_cast(contract, name) for name in contract.query_columns)])
    return indent(f"select\n{columns}\nfrom (\n{_QUERY}\n) as given", "    ")


def _cast(contract: ModelContract, name: str) -> str:
    column = contract.column(name)
    rounds = column is not None and column.type.startswith(_ROUNDING)
    return f"given.{name}::{column.type.lower()} as {name}" if column and rounds else f"given.{name}"


def _taken_up(streams: Sequence[str]) -> str:
    """Reads no row of the streams; being named in a statement that writes moves their offsets on."""
    if not streams:
        return ""
    parts = " union all ".join(f"select metadata$action from {stream} where false" for stream in sorted(streams))
    return f"\ncross join (select count(*) as taken_up from ({parts}) as waiting) as streams"


def _at_change(contract: ModelContract) -> list[str]:
    return [column.name for column in contract.columns if column.filled_at == "change"]


def _given(contract: ModelContract, source: str) -> list[str]:
    return [f"{source}.{name}" for name in contract.query_columns]


def _equal(keys: Sequence[str], left: str, right: str) -> str:
    return " and ".join(f"{left}.{key} = {right}.{key}" for key in keys)


def _changed_is(table: str, keys: Sequence[str]) -> str:
    return " and ".join(f"{table}.{key} = changed.{_KEY}{n}" for n, key in enumerate(keys, 1))


def _differs(columns: Sequence[str], left: str, right: str) -> str:
    return "\n    or ".join(f"{left}.{name} is distinct from {right}.{name}" for name in columns)


def _listed(items: Sequence[str]) -> str:
    return ",\n".join(f"    {item}" for item in items)
