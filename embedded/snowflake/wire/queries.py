"""Query requests: run, ask again, results by query id, states, abort, chunks."""

from __future__ import annotations

import base64
import hmac
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from embedded.snowflake.catalog.parameters import PARAMETERS, session_setting
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result, StatementType
from embedded.snowflake.scripting.script import split
from embedded.snowflake.security.privileges import active_roles, holds
from embedded.snowflake.session.context import RESULT_FORMATS
from embedded.snowflake.wire.answers import answer, bearer, failure, read_json
from embedded.snowflake.wire.binds import read_binds
from embedded.snowflake.wire.executions import Execution, Executions
from embedded.snowflake.wire.login import told_parameters
from embedded.snowflake.wire.registry import Login, Registry
from embedded.snowflake.wire.rowset import row_type, rowset
from embedded.snowflake.wire.statements import check_count, run, run_many

if TYPE_CHECKING:
    from embedded.snowflake.history.queries import QueryRecord

_log = logging.getLogger(__name__)
# Codes that are no errors: still running, and running on its own.
_IN_PROGRESS, _IN_PROGRESS_ASYNC = "333333", "333334"
# Rows of an answer itself, and of each further chunk.
_INLINE_ROWS, _CHUNK_ROWS = 50_000, 250_000
# A result of more rows is written in a thread, so that others do not wait.
_LARGE_ROWS = 1_000
_STATES = {"RUNNING": "RUNNING", "SUCCESS": "SUCCESS", "FAIL": "FAILED_WITH_ERROR"}


class QueryRoutes:
    """The routes under /queries and /monitoring."""

    def __init__(self, registry: Registry, executions: Executions) -> None:
        self._registry = registry
        self._executions = executions

    async def query(self, request: Request) -> Response:
        """Run what the request asks; one that comes again (same requestId) gets the first one's answer."""
        execution: Execution | None = None
        try:
            login = self._registry.find(bearer(request))
            body = await read_json(request)
            request_id = _request_id(request) or str(uuid.uuid4())
            execution = login.requests.get(request_id)
            if execution is None:
                execution = _read_execution(login, body)
                login.remember(request_id, execution)
                self._executions.start(execution, self._work(body))
            if body.get("asyncExec"):
                return _in_progress(execution, _IN_PROGRESS_ASYNC)
            return await self._respond(request, execution)
        except SnowflakeError as error:
            return failure(error, execution.query_id if execution else None)

    def _work(self, body: dict[str, Any]) -> Any:
        def work(execution: Execution) -> Result:
            session = execution.login.session
            with session.lock:
                before = _apply(session.parameters, body.get("parameters"))
                try:
                    return self._run(execution)
                finally:
                    _restore(session.parameters, before)

        return work

    def _run(self, execution: Execution) -> Result:
        if ";" not in execution.text.rstrip().rstrip(";") or execution.describe_only:
            return run(execution)
        texts = split(execution.text)
        check_count(max(len(texts), 1), execution.wanted_statements)
        if len(texts) <= 1:
            return run(execution)
        execution.children = [Execution(execution.login, text) for text in texts]
        for child in execution.children:
            self._executions.know(child)
        return run_many(execution)

    async def _respond(self, request: Request, execution: Execution) -> Response:
        if not await self._executions.wait(execution):
            return _in_progress(execution, _IN_PROGRESS)
        error = execution.future.exception()
        if error is not None:
            assert isinstance(error, SnowflakeError)
            return failure(error, execution.query_id)
        result = execution.future.result()
        try:
            if result.row_count > _LARGE_ROWS:
                return answer(await run_in_threadpool(_result_data, execution, result, request))
            return answer(_result_data(execution, result, request))
        except Exception as failed:
            _log.exception("A result could not be sent (query %s)", execution.query_id)
            raise SnowflakeError(f"The local Snowflake could not send this result: {failed}", 603, "XX000") from failed

    async def result(self, request: Request) -> Response:
        """The result of a query by its id, waited for."""
        query_id = request.path_params["query_id"]
        try:
            login = self._registry.find(bearer(request))
            execution = self._executions.find(query_id)
            if execution is None or not execution.belongs_to(login):
                kept = login.session.account.results.get(query_id, login.session.user)
                execution = Execution(login, "", query_id=query_id)
                execution.future.set_result(kept)
            return await self._respond(request, execution)
        except SnowflakeError as error:
            return failure(error, query_id)

    async def monitor(self, request: Request) -> Response:
        """The state of a query."""
        try:
            login = self._registry.find(bearer(request))
        except SnowflakeError as error:
            return failure(error)
        # The connector writes two slashes before the id.
        query_id = request.path_params["query_id"].strip("/")
        record = login.session.account.queries.get(query_id)
        if record is not None:
            return answer({"queries": [_state(record, login)] if _may_monitor(record, login) else []})
        execution = self._executions.find(query_id)
        queued = [_queued(execution)] if execution is not None and execution.belongs_to(login) else []
        return answer({"queries": queued})

    async def abort(self, request: Request) -> Response:
        """Cancel the statement of an earlier request, or by query id."""
        try:
            login = self._registry.find(bearer(request))
            body = await read_json(request)
        except SnowflakeError as error:
            return failure(error)
        wanted = str(body.get("requestId") or "")
        execution = login.requests.get(wanted) or self._executions.find(str(body.get("queryId") or wanted))
        if execution is not None and execution.belongs_to(login):
            execution.cancel()
        return answer(None)

    async def abort_query(self, request: Request) -> Response:
        """Cancel a statement by its query id in the path."""
        try:
            login = self._registry.find(bearer(request))
        except SnowflakeError as error:
            return failure(error)
        execution = self._executions.find(request.path_params["query_id"])
        if execution is not None and execution.belongs_to(login):
            execution.cancel()
        return answer(None)

    async def chunk(self, request: Request) -> Response:
        """A further part of a large result, as an Arrow stream."""
        execution = self._executions.find(request.path_params["query_id"])
        if execution is None or not execution.future.done() or execution.future.exception() is not None:
            return Response(status_code=404)
        if not hmac.compare_digest(request.path_params["key"], execution.chunk_key):
            return Response(status_code=403)
        start = int(request.path_params["start"])
        content = await run_in_threadpool(_chunk_bytes, execution.future.result(), start)
        return Response(content, media_type="application/octet-stream")


_REQUEST_ID = re.compile(rb"(?:\A|&)requestId=([^&]+)")


def _request_id(request: Request) -> str:
    """The id that a client gives its request; empty without one. Read by hand, since it is asked of every statement."""
    found = _REQUEST_ID.search(request.scope.get("query_string", b""))
    return found[1].decode("latin-1") if found else ""


def _read_execution(login: Login, body: dict[str, Any]) -> Execution:
    binds, arrays = read_binds(body.get("bindings"))
    parameters = body.get("parameters") or {}
    wanted = parameters.get("MULTI_STATEMENT_COUNT")
    if wanted is None:
        wanted = _setting(login, "MULTI_STATEMENT_COUNT", 1)
    return Execution(
        login,
        str(body.get("sqlText") or ""),
        binds,
        arrays,
        str(body.get("bindStage") or ""),
        bool(body.get("describeOnly")),
        int(wanted),
    )


def _setting(login: Login, key: str, default: Any) -> Any:
    return session_setting(login.session, key).value if key in PARAMETERS else default


def _apply(target: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """Set the parameters of one statement, and say what they were."""
    before = {}
    for key, value in (given or {}).items():
        parameter = PARAMETERS.get(key.upper())
        if parameter is not None and value is not None:
            before[parameter.key] = target.get(parameter.key)
            target[parameter.key] = parameter.check(str(value))
    return before


def _restore(target: dict[str, Any], before: dict[str, Any]) -> None:
    for key, value in before.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value


def _in_progress(execution: Execution, code: str) -> Response:
    data = {
        "queryId": execution.query_id,
        "getResultUrl": f"/queries/{execution.query_id}/result",
        "queryAbortsAfterSecs": 300,
        "progressDesc": None,
    }
    return answer(data, code, "Query execution in progress.")


def _result_data(execution: Execution, result: Result, request: Request) -> dict[str, Any]:
    session = execution.login.session
    data: dict[str, Any] = {
        "parameters": told_parameters(session) if result.statement_type in _CHANGES_SESSION else [],
        "rowtype": [row_type(column) for column in result.columns],
        "total": result.row_count,
        "returned": result.row_count,
        "queryId": execution.query_id,
        "databaseProvider": None,
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role_name,
        "numberOfBinds": len(execution.binds),
        "arrayBindSupported": _takes_arrays(execution.text),
        "statementTypeId": int(result.statement_type),
        "version": 1,
        "sendResultTime": int(time.time() * 1000),
        "queryResultFormat": "json",
    }
    if execution.describe_only and result.arrow is None:
        data["rowset"] = []
        data["metaDataOfBinds"] = None
    elif result.arrow is not None and _wants_arrow(execution):
        data.update(_arrow_data(execution, result, request))
    else:
        data["rowset"] = rowset(result)
    data.update(result.wire_data)
    if "stageInfo" in data:
        data["stageInfo"] = {**data["stageInfo"], "endPoint": f"{request.url.scheme}://{request.url.netloc}"}
    return data


_CHANGES_SESSION = frozenset({StatementType.ALTER_SESSION, StatementType.USE, StatementType.TCL, StatementType.SCL})


def _takes_arrays(text: str) -> bool:
    return text.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE") or text.lstrip()[:5].upper() == "MERGE"


def _wants_arrow(execution: Execution) -> bool:
    session = execution.login.session
    client = session.client_application.upper()
    for key in RESULT_FORMATS:
        is_its_own = key == "QUERY_RESULT_FORMAT" or key.partition("_")[0] in client
        if is_its_own and str(session.parameters.get(key, "")).upper() == "JSON":
            return False
    return True


def _arrow_data(execution: Execution, result: Result, request: Request) -> dict[str, Any]:
    from embedded.snowflake.wire.arrow import to_stream, to_wire

    assert result.arrow is not None
    total = result.arrow.num_rows
    first = to_stream(to_wire(result.arrow.slice(0, _INLINE_ROWS), result.columns))
    data: dict[str, Any] = {"queryResultFormat": "arrow", "rowsetBase64": base64.b64encode(first).decode()}
    if total > _INLINE_ROWS:
        base = str(request.base_url).rstrip("/")
        width = max(1, result.arrow.nbytes // total)
        data["returned"] = min(total, _INLINE_ROWS)
        data["chunks"] = [
            {
                "url": f"{base}/chunks/{execution.query_id}/{execution.chunk_key}/{start}",
                "rowCount": min(_CHUNK_ROWS, total - start),
                "uncompressedSize": width * min(_CHUNK_ROWS, total - start),
                "compressedSize": width * min(_CHUNK_ROWS, total - start),
            }
            for start in range(_INLINE_ROWS, total, _CHUNK_ROWS)
        ]
        data["chunkHeaders"] = {}
        data["qrmk"] = None
    return data


def _chunk_bytes(result: Result, start: int) -> bytes:
    from embedded.snowflake.wire.arrow import to_stream, to_wire

    assert result.arrow is not None
    return to_stream(to_wire(result.arrow.slice(start, _CHUNK_ROWS), result.columns))


def _may_monitor(record: QueryRecord, login: Login) -> bool:
    """Whether a login may know of a query: its own user's, or with MONITOR USAGE on the account."""
    session = login.session
    catalog = session.account.catalog
    return record.session.user == session.user or holds(catalog, active_roles(session), "MONITOR USAGE", None)


def _state(record: QueryRecord, login: Login) -> dict[str, Any]:
    account = login.session.account
    ended = record.end_time
    return {
        "id": record.query_id,
        "status": _STATES[record.status],
        "state": _STATES[record.status],
        "sqlText": record.text,
        "startTime": int(record.start_time.timestamp() * 1000),
        "endTime": int(ended.timestamp() * 1000) if ended else 0,
        "totalDuration": record.elapsed_ms(account.clock.now()),
        "errorCode": str(record.error.errno) if record.error else None,
        "errorMessage": record.error.message if record.error else None,
        "sessionId": record.session.id,
        "warehouseId": 0,
        "warehouseName": record.warehouse or "",
        "warehouseExternalSize": None,
        "warehouseServerType": "",
    }


def _queued(execution: Execution) -> dict[str, Any]:
    error = execution.future.exception() if execution.future.done() else None
    status = "FAILED_WITH_ERROR" if error else "SUCCESS" if execution.future.done() else "QUEUED"
    return {
        "id": execution.query_id,
        "status": status,
        "state": status,
        "sqlText": execution.text,
        "startTime": int(execution.started * 1000),
        "endTime": 0,
        "totalDuration": 0,
        "errorCode": str(error.errno) if isinstance(error, SnowflakeError) else None,
        "errorMessage": error.message if isinstance(error, SnowflakeError) else None,
        "sessionId": execution.login.session.id,
        "warehouseId": 0,
        "warehouseName": execution.login.session.warehouse or "",
        "warehouseExternalSize": None,
        "warehouseServerType": "",
    }
