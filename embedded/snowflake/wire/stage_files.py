"""Files of stages over HTTP, as the clients speak to Google's storage: HEAD, GET and PUT with a bearer token.

Source: what connector 5.2.0 sends for `locationType` GCS with an access token and an end point.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from embedded.snowflake.accounts import Accounts
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.storage.file_grants import FileGrant, find_grant

PREFIX = "stage-files"


class StageFileRoutes:
    """Answers requests for files of stages."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def serve(self, request: Request) -> Response:
        """Give, describe or take one file."""
        found = self._grant(request)
        if found is None:
            return Response(status_code=401)
        try:
            target = found.place.target(request.path_params["path"])
        except SnowflakeError:
            return Response(status_code=400)
        if not request.path_params["path"].startswith(found.place.prefix.rstrip("/")):
            return Response(status_code=403)
        if request.method == "PUT":
            return await _take(request, found, target)
        if not target.is_file():
            return Response(status_code=404)
        return FileResponse(target, headers=await run_in_threadpool(_headers, target))

    def _grant(self, request: Request) -> FileGrant | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        account = self._accounts.find(token.rpartition(".")[0]) if "." in token else None
        return find_grant(account, token) if account is not None else None


def _headers(file: Path) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()
    return {"x-goog-meta-sfc-digest": digest}


async def _take(request: Request, found: FileGrant, target: Path) -> Response:
    """Write a file whole or not at all."""
    if not found.write:
        return Response(status_code=403)
    if request.headers.get("x-goog-if-generation-match") == "0" and target.exists():
        return Response(status_code=412)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return Response(status_code=200)
