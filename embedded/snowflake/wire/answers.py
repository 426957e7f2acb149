"""The shape of every answer: JSON with data, code, message, success. An SQL error is an answer like any other (HTTP 200)."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from embedded.snowflake.errors import AuthenticationError, SessionError, SnowflakeError


def answer(data: Any, code: str | None = None, message: str | None = None, *, success: bool = True) -> Response:
    """A JSON answer."""
    body = orjson.dumps({"data": data, "code": code, "message": message, "success": success})
    return Response(body, media_type="application/json")


def failure(error: SnowflakeError, query_id: str | None = None) -> Response:
    """The answer for an error, with the number and SQLSTATE that clients raise."""
    if isinstance(error, AuthenticationError | SessionError):
        data: dict[str, Any] = {"nextAction": "RETRY_LOGIN", "pwdLastSetTime": None, "errorCode": str(error.errno)}
        return answer(data, str(error.errno), error.message, success=False)
    data = {
        "internalError": False,
        "unredactedFromSecureObject": False,
        "errorCode": error.code,
        "age": 0,
        "sqlState": error.sqlstate,
        "queryId": query_id,
        "line": -1,
        "pos": -1,
        "type": "COMPILATION" if error.message.startswith("SQL compilation error") else "EXECUTION",
    }
    return answer(data, error.code, error.message, success=False)


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body, gzip or not.

    Raises:
        SnowflakeError: the body is no JSON object (000001).
    """
    body = await request.body()
    try:
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        found = orjson.loads(body) if body else {}
    except (OSError, EOFError, ValueError) as error:
        raise SnowflakeError("The request's body is no JSON.", 1, "08000") from error
    if not isinstance(found, dict):
        raise SnowflakeError("The request's body is no JSON object.", 1, "08000")
    return found


def bearer(request: Request) -> str:
    """The token of `Authorization: Snowflake Token="…"`, empty without one."""
    _, mark, rest = request.headers.get("authorization", "").partition('Token="')
    return rest.rstrip().removesuffix('"') if mark else ""
