# pyright: reportAttributeAccessIssue=false
# (pyarrow.compute makes its functions as it is imported.)
"""Results as Arrow: the columns cast to what clients expect, with the type told in each field's metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from embedded.snowflake import zoned
from embedded.snowflake.result import Column
from embedded.snowflake.wire.rowset import row_type

# Made once: each of them costs as much as a small result.
_WRITE = pa.ipc.IpcWriteOptions()
_INT64 = pa.int64()
_AS_INT64 = pc.CastOptions.safe(_INT64)


def to_wire(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The table as Snowflake sends it: same rows, columns in the wire's types."""
    arrays, fields = [], []
    for data, column in zip(table.columns, columns, strict=True):
        array = _cast(data, column)
        arrays.append(array)
        fields.append(_field(column, array.type, column.nullable or array.null_count > 0))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def to_stream(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream; its schema is there even without rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.RecordBatchStreamWriter(sink, table.schema, options=_WRITE) as writer:
        if table.num_rows:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


@lru_cache(maxsize=1024)
def _field(column: Column, kind: pa.DataType, nullable: bool) -> pa.Field:
    return pa.field(column.name, kind, nullable, _metadata(column))


def _metadata(column: Column) -> dict[str, str]:
    described = row_type(column)
    return {
        "logicalType": described["type"].upper(),
        "precision": str(described["precision"] if described["precision"] is not None else 38),
        "scale": str(described["scale"] or 0),
        "charLength": str(described["length"] or 0),
        # Clients tell by it whether a TIMESTAMP_TZ has a fraction of its own.
        "byteLength": "16" if column.type.kind == "TIMESTAMP_TZ" else str(described["byteLength"] or 0),
        "finalType": "T",
    }


def _cast(data: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    return _CASTS.get(column.type.kind, _text)(data, column)


def _number(data: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    precision, scale = column.type.precision or 38, column.type.scale or 0
    if precision <= 18 and scale == 0:
        return data if data.type == _INT64 else pc.call_function("cast", [data], _AS_INT64)
    if pa.types.is_decimal(data.type) and data.type.scale == scale and data.type.byte_width == 16:
        return data
    return data.cast(pa.decimal128(38, scale))


def _real(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    return data.cast(pa.float64())


def _boolean(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    return data.cast(pa.bool_())


def _date(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    return data.cast(pa.date32())


def _binary(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    return data.cast(pa.binary())


def _text(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    return data if pa.types.is_string(data.type) else data.cast(pa.string())


def _scale(column: Column) -> int:
    return 9 if column.type.precision is None else column.type.precision


def _power(data: Any, microsecond_digits: int) -> Any:
    """Microseconds in units of 10^-digits of a second."""
    if microsecond_digits >= 6:
        return pc.multiply(data, 10 ** (microsecond_digits - 6))
    return pc.divide(data, 10 ** (6 - microsecond_digits))


def _time(data: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    return _power(data.cast(pa.time64("us")).cast(pa.int64()), _scale(column))


def _timestamp(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    """Seconds and nanoseconds apart: 64 bits of nanoseconds do not reach year 1 or 9999."""
    return _parts(data, zone=False)


def _timestamp_tz(data: pa.ChunkedArray, _: Column) -> pa.ChunkedArray:
    return _parts(data, zone=True)


def _parts(data: pa.ChunkedArray, *, zone: bool) -> pa.ChunkedArray:
    chunks = [_zoned_part(chunk) if zone else _local_part(chunk) for chunk in data.chunks]
    names = ["epoch", "fraction", "timezone"][: 3 if zone else 2]
    kind = pa.struct([pa.field(name, pa.int64() if name == "epoch" else pa.int32(), False) for name in names])
    return pa.chunked_array(chunks, type=kind)


def _local_part(chunk: pa.Array) -> pa.Array:
    unit = pa.timestamp("us", chunk.type.tz) if pa.types.is_timestamp(chunk.type) else pa.timestamp("us")
    return _part(chunk, chunk.cast(unit).cast(pa.int64()).fill_null(0), None)


def _zoned_part(chunk: pa.Array) -> pa.Array:
    if chunk.type != zoned.ARROW_TYPE:  # a column of NULLs only
        chunk = pa.nulls(len(chunk), zoned.ARROW_TYPE)
    count, offsets = zoned.parts(chunk)
    # Minutes after 24 hours west.
    return _part(chunk, pa.array(count), pa.array(offsets + 1440, pa.int32()))


def _part(chunk: pa.Array, count: pa.Array, zones: pa.Array | None) -> pa.Array:
    """Seconds, nanoseconds and zones from a count of microseconds; NULL where the chunk is."""
    # Rounded down, so that the fraction is never negative.
    toward_zero = pc.divide(count, 1_000_000)
    below = pc.less(count, pc.multiply(toward_zero, 1_000_000))
    epoch = pc.subtract(toward_zero, below.cast(pa.int64()))
    fraction = pc.multiply(pc.subtract(count, pc.multiply(epoch, 1_000_000)), 1000).cast(pa.int32())
    arrays: list[pa.Array] = [epoch, fraction]
    names = ["epoch", "fraction"]
    if zones is not None:
        arrays.append(zones)
        names.append("timezone")
    fields = [pa.field(name, array.type, False) for name, array in zip(names, arrays, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=chunk.is_null())


_CASTS: dict[str, Callable[[pa.ChunkedArray, Column], pa.ChunkedArray]] = {
    "NUMBER": _number,
    "FLOAT": _real,
    "BOOLEAN": _boolean,
    "DATE": _date,
    "TIME": _time,
    "BINARY": _binary,
    "TIMESTAMP_NTZ": _timestamp,
    "TIMESTAMP_LTZ": _timestamp,
    "TIMESTAMP_TZ": _timestamp_tz,
}
