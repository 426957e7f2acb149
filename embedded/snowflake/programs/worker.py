"""The process that runs users' Python: a function's handler over batches of rows, or a procedure's handler once.

It is started as a script, by whichever interpreter has the packages that handlers use, so it imports nothing of this
project. Messages are JSON, each after its length in four bytes; they come on standard input and go out on what was standard
output, which handlers no longer have: what they print goes nowhere. Values are JSON too, in the form of their declared type.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import importlib
import inspect
import ipaddress
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

CODE_FILE = "_udf_code.py"

_DECODE: dict[str, Callable[[Any], Any]] = {
    "NUMBER": lambda value: value if isinstance(value, int) else decimal.Decimal(value),
    "FLOAT": float,
    "DATE": datetime.date.fromisoformat,
    "TIME": datetime.time.fromisoformat,
    "TIMESTAMP_NTZ": datetime.datetime.fromisoformat,
    "TIMESTAMP_LTZ": datetime.datetime.fromisoformat,
    "TIMESTAMP_TZ": datetime.datetime.fromisoformat,
    "BINARY": base64.b64decode,
    "VARIANT": json.loads,
    "OBJECT": json.loads,
    "ARRAY": json.loads,
}


def _plain(value: Any) -> Any:
    """A value of NumPy or pandas as Python's own; what means no value is None."""
    if value is None:
        return None
    if type(value).__module__.split(".")[0] in ("numpy", "pandas"):
        if type(value).__name__ in ("NaTType", "NAType"):
            return None
        value = value.item() if hasattr(value, "item") else value.to_pydatetime()
    return None if value != value else value


def _number(value: Any) -> str:
    found = _plain(value)
    number = decimal.Decimal(
        repr(found) if isinstance(found, float) else str(int(found) if isinstance(found, bool) else found)
    )
    return format(number, "f")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"Expected a str for a VARCHAR, got {type(value).__name__}")
    return value


def _as_json(value: Any) -> str:
    return json.dumps(value, default=_json_value)


def _json_value(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return _plain(value)


def _moment(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


_ENCODE: dict[str, Callable[[Any], Any]] = {
    "NUMBER": _number,
    "FLOAT": lambda value: repr(float(value)),
    "BOOLEAN": bool,
    "VARCHAR": _text,
    "DATE": lambda value: value.date().isoformat() if isinstance(value, datetime.datetime) else _moment(value),
    "TIME": _moment,
    "TIMESTAMP_NTZ": _moment,
    "TIMESTAMP_LTZ": _moment,
    "TIMESTAMP_TZ": _moment,
    "BINARY": lambda value: base64.b64encode(bytes(value)).decode(),
    "VARIANT": _as_json,
    "OBJECT": _as_json,
    "ARRAY": _as_json,
}


def _decode(kind: str, value: Any) -> Any:
    return None if value is None else _DECODE.get(kind, lambda found: found)(value)


def _encode(kind: str, value: Any) -> Any:
    value = _plain(value) if not isinstance(value, (str, dict, list, tuple)) else value
    return None if value is None else _ENCODE.get(kind, str)(value)


class HandlerError(Exception):
    """A handler that cannot be loaded or used as declared."""


def load(spec: dict[str, Any]) -> Any:
    """The handler that a specification names: from its code, or from an imported module."""
    folder = spec["imports"]
    sys._xoptions["snowflake_import_directory"] = folder + os.sep
    sys.path[:0] = [
        folder,
        *(os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith((".zip", ".egg", ".whl"))),
    ]
    module, _, name = spec["handler"].rpartition(".")
    if spec["code"] is not None and not module:
        names: dict[str, Any] = {"__name__": "_udf_code"}
        sys.modules.setdefault("_udf_code", type(sys)("_udf_code"))
        exec(compile(spec["code"], CODE_FILE, "exec"), names)  # noqa: S102
        if name not in names:
            raise HandlerError(f"Handler '{name}' is not defined in the code")
        return names[name]
    target: Any = importlib.import_module(module)
    return getattr(target, name)


class Functions:
    """A handler's calls over batches of rows."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.handler = load(spec)
        self.arguments: list[str] = spec["arguments"]
        self.returns: list[str] = spec["returns"]

    def scalar(self, columns: list[list[Any]], count: int) -> list[Any]:
        """The results of a scalar function, one for each row."""
        if getattr(self.handler, "_sf_vectorized_input", None) is not None:
            return self._vectorized(columns, count)
        decoded = [
            [_decode(kind, value) for value in column] for kind, column in zip(self.arguments, columns, strict=True)
        ]
        strict, kind, found = self.spec["strict"], self.returns[0], []
        for row in zip(*decoded, strict=True) if decoded else ((),) * count:
            value = None if strict and any(item is None for item in row) else self.handler(*row)
            found.append(_encode(kind, value))
        return found

    def _vectorized(self, columns: list[list[Any]], count: int) -> list[Any]:
        frame = _frame(self.arguments, columns)
        limit = getattr(self.handler, "_sf_max_batch_size", None) or count
        found: list[Any] = []
        for start in range(0, count, limit):
            part = frame.iloc[start : start + limit]
            result = list(self.handler(part))
            if len(result) != len(part):
                raise HandlerError(f"The vectorized handler returned {len(result)} rows for {len(part)}")
            found += [_encode(self.returns[0], value) for value in result]
        return found

    def table(self, columns: list[list[Any]], count: int) -> list[list[Any]]:
        """The rows that a table function makes of one partition: each with the place of the row it comes from, or None."""
        partition: Any = self.handler() if inspect.isclass(self.handler) else None
        if partition is None:
            raise HandlerError("The handler of a table function is a class")
        ends = getattr(partition, "end_partition", None)
        if ends is not None and getattr(type(partition).end_partition, "_sf_vectorized_input", None) is not None:
            frame = _frame(self.arguments, columns)
            frame.columns = self.spec["names"]
            return [self._row(None, row) for row in ends(frame).itertuples(index=False)]
        decoded = [
            [_decode(kind, value) for value in column] for kind, column in zip(self.arguments, columns, strict=True)
        ]
        found: list[list[Any]] = []
        if hasattr(partition, "process"):
            for place, row in enumerate(zip(*decoded, strict=True) if decoded else ((),) * count):
                found += [self._row(place, given) for given in partition.process(*row) or ()]
        if ends is not None:
            found += [self._row(None, given) for given in ends() or ()]
        return found

    def _row(self, place: int | None, given: Any) -> list[Any]:
        values = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if len(values) != len(self.returns):
            raise HandlerError(f"Expected {len(self.returns)} values in a row of the result, got {len(values)}")
        return [place, *(_encode(kind, value) for kind, value in zip(self.returns, values, strict=True))]


def _frame(kinds: list[str], columns: list[list[Any]]) -> Any:
    import pandas  # pyright: ignore[reportMissingImports]

    decoded = {
        place: [_decode(kind, value) for value in column]
        for place, (kind, column) in enumerate(zip(kinds, columns, strict=True))
    }
    return pandas.DataFrame(decoded)


# -- the vectorized decorator, and what else `import _snowflake` gives


def _vectorized(*, input: Any = None, max_batch_size: int | None = None, **_: Any) -> Callable[[Any], Any]:
    def mark(handler: Any) -> Any:
        handler._sf_vectorized_input, handler._sf_max_batch_size = input, max_batch_size
        return handler

    return mark


def _install_snowflake_module() -> None:
    module = type(sys)("_snowflake")
    module.vectorized = _vectorized  # type: ignore[attr-defined]

    def absent(name: str) -> Any:
        raise HandlerError(f"The local Snowflake gives handlers no secret '{name}'")

    module.get_generic_secret_string = absent  # type: ignore[attr-defined]
    module.get_oauth_access_token = absent  # type: ignore[attr-defined]
    module.get_username_password = absent  # type: ignore[attr-defined]
    sys.modules["_snowflake"] = module


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Let sockets reach this machine alone: handlers have no way out."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise PermissionError(f"Handlers may connect to this machine only, not to '{host}'")


# -- procedures


def procedure(spec: dict[str, Any]) -> dict[str, Any]:
    """Run a procedure's handler in a Snowpark session of its own connection, and give its result, or the query that makes it."""
    handler = load(spec)
    from snowflake.snowpark import Session  # pyright: ignore[reportMissingImports]

    session = Session.builder.configs(spec["connection"]).create()
    try:
        arguments = [_decode(kind, value) for kind, value in zip(spec["arguments"], spec["values"], strict=True)]
        given = handler(session, *arguments)
        if spec["returns"] is None:
            return _table(session, given)
        return {"value": _encode(spec["returns"], given)}
    finally:
        session.connection.close()


def _table(session: Any, given: Any) -> dict[str, Any]:
    if given is None:
        return {"value": None}
    if type(given).__module__.split(".")[0] == "pandas":
        given = session.create_dataframe(given)
    job = given.collect_nowait()
    job.result("no_result")
    return {"query_id": job.query_id}


# -- messages


def _read(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    while len(head := stream.read(4)) == 4:
        yield json.loads(stream.read(int.from_bytes(head, "big")))


def _write(stream: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


def _told(error: BaseException) -> str:
    """The error as Snowflake tells it: the places in the user's code, and the last line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    if isinstance(error, (HandlerError, SyntaxError)) or not frames:
        return "".join(traceback.format_exception_only(type(error), error)).rstrip()
    places = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames]
    last = "".join(traceback.format_exception_only(type(error), error)).rstrip()
    return "\n".join(["Traceback (most recent call last):", *places, last])


def main() -> None:
    """Answer messages until standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.addaudithook(_guard)
    functions: Functions | None = None
    for message in _read(sys.stdin.buffer):
        try:
            kind = message["do"]
            if kind == "load":
                _install_snowflake_module()
                functions = Functions(message)
                reply: dict[str, Any] = {}
            elif kind == "procedure":
                _install_snowflake_module()
                reply = procedure(message)
            else:
                assert functions is not None
                reply = {"rows": getattr(functions, kind)(message["columns"], message["count"])}
        except BaseException as error:
            reply = {"error": _told(error)}
        _write(out, reply)


if __name__ == "__main__":
    main()
