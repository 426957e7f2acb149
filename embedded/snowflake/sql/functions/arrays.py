"""ARRAY functions. Values are JSON text inside DuckDB."""

from __future__ import annotations

from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.functions.semi import variant
from embedded.snowflake.sql.typed import Typed, boolean, integer
from embedded.snowflake.types import ARRAY, OBJECT, VARCHAR, VARIANT


@function("ARRAY_CONSTRUCT", args=(0, None))
def array_construct(call: Call) -> Typed:
    """An array of the arguments; NULLs are JSON null."""
    if not len(call):
        return Typed("CAST('[]' AS JSON)", ARRAY, False)
    # Put together as text: DuckDB plans hundreds of arrays with a lambda each for seconds.
    items = ", ".join(f"coalesce(CAST({variant(call, index)} AS VARCHAR), 'null')" for index in range(len(call)))
    return Typed(f"CAST('[' || concat_ws(',', {items}) || ']' AS JSON)", ARRAY, False)


@function("ARRAY_CONSTRUCT_COMPACT", args=(0, None))
def array_construct_compact(call: Call) -> Typed:
    """An array of the arguments that are not NULL."""
    items = ", ".join(variant(call, index) for index in range(len(call)))
    return Typed(
        f"sf_array(list_filter([{items}], lambda x: x IS NOT NULL AND x <> 'null'))" if items else "CAST('[]' AS JSON)",
        ARRAY,
        False,
    )


def _list(call: Call, index: int) -> str:
    """An array argument as a DuckDB list of JSON."""
    return f"sf_list({cast(call.arg(index), VARIANT, call.zone).sql})"


@function("ARRAY_SIZE", args=1)
def array_size(call: Call) -> Typed:
    """The number of elements; NULL if it is no array."""
    value = variant(call, 0)
    return integer(f"(CASE WHEN json_type({value}) = 'ARRAY' THEN json_array_length({value}) END)")


@function("ARRAY_CONTAINS", args=2)
def array_contains(call: Call) -> Typed:
    """Whether a VARIANT is in an array."""
    value = f"coalesce({variant(call, 0)}, CAST('null' AS JSON))"
    found = f"list_contains({_keys(call, 1)}, sf_canonical({value}))"
    # Whether a NULL is in an array without one is not known.
    return boolean(f"(CASE WHEN {call.arg(0).sql} IS NOT NULL THEN {found} ELSE nullif({found}, false) END)")


@function("ARRAY_POSITION", args=2)
def array_position(call: Call) -> Typed:
    """Where a VARIANT is in an array, from 0; NULL if it is not."""
    return integer(
        f"(list_position(list_transform({_list(call, 1)}, lambda x: sf_canonical(x)), sf_canonical({variant(call, 0)})) - 1)"
    )


def _keys(call: Call, index: int) -> str:
    """An array argument as a DuckDB list of what its elements are told apart by."""
    return f"list_transform({_list(call, index)}, lambda e: sf_canonical(coalesce(e, CAST('null' AS JSON))))"


def _texts(call: Call, index: int) -> str:
    """An array argument as a DuckDB list of JSON texts: equal elements have equal texts, null is one too."""
    return f"list_transform({_list(call, index)}, lambda e: coalesce(CAST(e AS VARCHAR), 'null'))"


def _joined(texts: str) -> Typed:
    """A list of JSON texts as an array; an element of it is not read again."""
    return Typed(f"CAST('[' || array_to_string({texts}, ',') || ']' AS JSON)", ARRAY)


_LISTS = {
    "ARRAY_COMPACT": "list_filter({0}, lambda x: x IS NOT NULL AND CAST(x AS VARCHAR) <> 'null')",
    "ARRAY_REVERSE": "list_reverse({0})",
}


@function(*_LISTS, args=1)
def array_of_one(call: Call) -> Typed:
    """An array made of another."""
    return Typed(f"sf_array({_LISTS[call.name].format(_list(call, 0))})", ARRAY)


@function("ARRAY_FLATTEN", args=1)
def array_flatten(call: Call) -> Typed:
    """The elements of an array's arrays; NULL if one of them is null.

    Raises:
        SnowflakeError: an element is no array (100107), when it runs.
    """
    items = _list(call, 0)
    kinds = f"list_transform({items}, lambda x: coalesce(json_type(x), 'NULL'))"
    wrong = "sf_error('100107', 'Not an array: ''Input argument to ARRAY_FLATTEN is not an array of arrays''')"
    made = f"sf_array(flatten(list_transform({items}, lambda x: CASE WHEN json_type(x) = 'ARRAY' THEN sf_list(x) END)))"
    return Typed(
        f"(CASE WHEN len(list_filter({kinds}, lambda k: k NOT IN ('ARRAY', 'NULL'))) > 0 THEN CAST({wrong} AS JSON) "
        f"WHEN list_contains({kinds}, 'NULL') THEN NULL ELSE {made} END)",
        ARRAY,
    )


@function("ARRAY_DISTINCT", args=1)
def array_distinct(call: Call) -> Typed:
    """Each element once, where it was first."""
    return _joined(f"py_json_distinct({_texts(call, 0)})")


@function("ARRAY_CAT", args=2)
def array_cat(call: Call) -> Typed:
    """The elements of two arrays."""
    return Typed(f"sf_array({_list(call, 0)} || {_list(call, 1)})", ARRAY)


@function("ARRAY_INTERSECTION", "ARRAY_EXCEPT", args=2)
def array_of_two(call: Call) -> Typed:
    """The elements of one array that are, or are not, in another; each as often as the counts of both say."""
    first, second = _texts(call, 0), _texts(call, 1)
    same = "sf_canonical(y) = sf_canonical(x)"
    so_far = f"len(list_filter({first}[1:i], lambda y: {same}))"
    matches = f"len(list_filter({second}, lambda y: {same}))"
    sign = "<=" if call.name == "ARRAY_INTERSECTION" else ">"
    made = _joined(f"list_filter({first}, lambda x, i: {so_far} {sign} {matches})")
    return Typed(f"(CASE WHEN {call.arg(1).sql} IS NOT NULL THEN {made.sql} END)", ARRAY)


@function("ARRAYS_ZIP", args=(1, None))
def arrays_zip(call: Call) -> Typed:
    """An array of objects with the elements of each array at one place; missing ones are null."""
    lists = [_texts(call, index) for index in range(len(call))]
    fields = " || ',' || ".join(
        f"'\"${place}\":' || coalesce(({item})[i], 'null')" for place, item in enumerate(lists, 1)
    )
    longest = f"greatest({', '.join(f'len({item})' for item in lists)})"
    made = _joined(f"list_transform(range(1, {longest} + 1), lambda i: '{{' || {fields} || '}}')")
    given = " AND ".join(f"{value.sql} IS NOT NULL" for value in call.args())
    return Typed(f"(CASE WHEN {given} THEN {made.sql} END)", ARRAY)


@function("ARRAYS_TO_OBJECT", args=2)
def arrays_to_object(call: Call) -> Typed:
    """An object of an array of keys and one of values; null keys are left out."""
    keys = f"list_transform({_list(call, 0)}, lambda k: k ->> '$')"
    return Typed(f"sf_object({keys}, {_list(call, 1)})", OBJECT)


@function("ARRAYS_OVERLAP", args=2)
def arrays_overlap(call: Call) -> Typed:
    """Whether two arrays share an element."""
    return boolean(f"list_has_any({_keys(call, 0)}, {_keys(call, 1)})")


@function("ARRAY_APPEND", "ARRAY_PREPEND", args=2)
def array_grown(call: Call) -> Typed:
    """The array with one more element at its end or start."""
    item = f"[coalesce({variant(call, 1)}, CAST('null' AS JSON))]"
    parts = (_list(call, 0), item) if call.name == "ARRAY_APPEND" else (item, _list(call, 0))
    return Typed(f"sf_array(list_concat({parts[0]}, {parts[1]}))", ARRAY)


@function("ARRAY_INSERT", args=3)
def array_insert(call: Call) -> Typed:
    """The array with an element put in at a place, from the end if negative; places before it that are missing are null."""
    items = f"list_transform({_list(call, 0)}, lambda e: coalesce(e, CAST('null' AS JSON)))"
    place = _place(items, call.number(1).sql)
    padded = f"list_resize({items}, greatest(len({items}), {place}), CAST('null' AS JSON))"
    item = f"coalesce({variant(call, 2)}, CAST('null' AS JSON))"
    return Typed(f"sf_array(list_concat(list_concat({padded}[1:{place}], [{item}]), {padded}[{place} + 1:]))", ARRAY)


def _place(items: str, place: str) -> str:
    """A place from 0; a negative one counts from the end."""
    return f"CAST(CASE WHEN {place} < 0 THEN len({items}) + {place} ELSE {place} END AS BIGINT)"


@function("ARRAY_REMOVE_AT", args=2)
def array_remove_at(call: Call) -> Typed:
    """The array without the element at a place."""
    texts = _texts(call, 0)
    return _joined(f"list_filter({texts}, lambda x, i: i - 1 <> {_place(texts, call.number(1).sql)})")


@function("ARRAY_REMOVE", args=2)
def array_remove(call: Call) -> Typed:
    """The array without the elements equal to a value."""
    return Typed(
        f"sf_array(list_filter({_list(call, 0)}, lambda x: sf_canonical(x) <> sf_canonical({variant(call, 1)})))",
        ARRAY,
    )


@function("ARRAY_SLICE", args=3)
def array_slice(call: Call) -> Typed:
    """The elements from one place to before another; negative places count from the end."""
    items, start, stop = _list(call, 0), *(f"CAST({call.number(index).sql} AS BIGINT)" for index in (1, 2))
    first = f"(CASE WHEN {start} < 0 THEN len({items}) + {start} ELSE {start} END + 1)"
    last = f"(CASE WHEN {stop} < 0 THEN len({items}) + {stop} ELSE {stop} END)"
    return Typed(f"sf_array({items}[{first}:{last}])", ARRAY)


@function("ARRAY_TO_STRING", args=2)
def array_to_string(call: Call) -> Typed:
    """The elements as text, joined; nulls are empty."""
    return Typed(
        f"array_to_string(list_transform({_list(call, 0)}, lambda x: coalesce(sf_scalar_text(x), '')), {call.text(1)})",
        VARCHAR,
    )


@function("ARRAY_SORT", args=(1, 3))
def array_sort(call: Call) -> Typed:
    """The elements in order: numbers as numbers, others as text; nulls last when ascending."""
    ascending = call.constant(1, True)
    items = _list(call, 0)
    order = "ASC" if ascending else "DESC"
    keyed = f"list_transform({_LISTS['ARRAY_COMPACT'].format(items)}, lambda x: {{'k': sf_key(x), 'x': x}})"
    ordered = f"list_transform(list_sort({keyed}, '{order}'), lambda s: s.x)"
    nulls = f"list_filter({items}, lambda x: x IS NULL OR CAST(x AS VARCHAR) = 'null')"
    parts = (nulls, ordered) if call.constant(2, not ascending) else (ordered, nulls)
    return Typed(f"sf_array({parts[0]} || {parts[1]})", ARRAY)


@function("ARRAY_MIN", "ARRAY_MAX", args=1)
def array_extreme(call: Call) -> Typed:
    """The least or greatest element."""
    items = f"list_filter({_list(call, 0)}, lambda x: CAST(x AS VARCHAR) <> 'null')"
    keyed = f"list_transform({items}, lambda x: {{'k': sf_key(x), 'x': x}})"
    return Typed(f"(list_{call.name[-3:].lower()}({keyed})).x", VARIANT)


@function("ARRAY_GENERATE_RANGE", args=(2, 3))
def array_generate_range(call: Call) -> Typed:
    """The integers from one to before another."""
    args = ", ".join(f"CAST({call.number(index).sql} AS BIGINT)" for index in range(len(call)))
    return Typed(f"to_json(range({args}))", ARRAY)
