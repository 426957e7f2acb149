"""Procedures in Python: the handler runs in a process of its own, with a Snowpark session in the session of the CALL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.programs.loopback import loopback
from embedded.snowflake.programs.python_code import check_packages, check_snowpark, imported_files, specification
from embedded.snowflake.programs.python_values import from_worker, to_worker
from embedded.snowflake.programs.workers import Worker
from embedded.snowflake.result import Result
from embedded.snowflake.scripting.values import Value
from embedded.snowflake.types import VARCHAR, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def run(session: Session, procedure: CatalogObject, arguments: dict[str, Value]) -> Value | Result:
    """Run a procedure's handler, and give what it returns.

    Raises:
        SnowflakeError: packages are missing (391546), or the handler failed (100357).
    """
    check_snowpark()
    check_packages(procedure.body["properties"].get("PACKAGES") or [])
    spec = specification(procedure)
    returns = procedure.body["returns"]
    with loopback().open(session) as (token, line):
        worker = Worker(spec, imported_files(session, procedure))
        try:
            message = {
                "do": "procedure",
                **worker.spec,
                "returns": None if isinstance(returns, dict) else spec["returns"][0],
                "values": [to_worker(value.value, value.type) for value in arguments.values()],
                "connection": _connection(session, token),
            }
            reply = worker.ask(session, message, None, line)
        finally:
            worker.close()
    if "query_id" in reply:
        return session.account.results.get(reply["query_id"], session.user)
    if isinstance(returns, dict):
        return Value(VARCHAR, None)
    kind = parse_type(returns)
    return Value(kind, from_worker(reply["value"], kind))


def _connection(session: Session, token: str) -> dict[str, Any]:
    return {
        "account": session.account.name,
        "user": session.user_name,
        "host": "127.0.0.1",
        "port": loopback().port,
        "protocol": "http",
        "authenticator": "oauth",
        "token": token,
        "database": session.database or "",
        "schema": session.schema or "",
        "enable_server_session_keep_alive_auto_detection": False,
    }
