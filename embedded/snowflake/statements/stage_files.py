"""PUT, GET, LIST and REMOVE: files on stages. The client moves the files itself; the server says from where to where."""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.values import Property, boolean, integer, read_properties, text, word
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import Column, Result, StatementType
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.storage.file_grants import grant
from embedded.snowflake.storage.stages import Location, location, read_written
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_LOCAL = re.compile(r"\s*(?:PUT|GET)?\s*(?:'file://((?:[^']|'')*)'|file://([^\s;]+))", re.IGNORECASE)
_COMPRESSIONS = ("AUTO_DETECT", "GZIP", "BZ2", "BROTLI", "ZSTD", "DEFLATE", "RAW_DEFLATE", "NONE")
_PUT_OPTIONS = {
    "PARALLEL": Property(integer, 4),
    "AUTO_COMPRESS": Property(boolean, True),
    "SOURCE_COMPRESSION": Property(word(*_COMPRESSIONS), "AUTO_DETECT"),
    "OVERWRITE": Property(boolean, False),
}
_GET_OPTIONS = {"PARALLEL": Property(integer, 10), "PATTERN": Property(text)}
_PUT_COLUMNS = (
    ("source", VARCHAR), ("target", VARCHAR), ("source_size", NUMBER), ("target_size", NUMBER),
    ("source_compression", VARCHAR), ("target_compression", VARCHAR), ("status", VARCHAR), ("message", VARCHAR),
)  # fmt: skip
_GET_COLUMNS = (("file", VARCHAR), ("size", NUMBER), ("status", VARCHAR), ("message", VARCHAR))


def _local_path(statement_text: str, start: int) -> tuple[str, int]:
    match = _LOCAL.match(statement_text, start)
    if match is None:
        raise SqlCompilationError("syntax error: a path file://… is expected", 1003, "42000")
    path = match[1].replace("''", "'") if match[1] is not None else match[2]
    return path, match.end()


def _options(rest: str, known: dict[str, Property], what: str) -> dict[str, Any]:
    tokens = TokenStream(rest)
    found = read_properties(tokens, known, what)
    tokens.end()
    return {**{key: item.default for key, item in known.items()}, **found}


# The connector from 5 on knows no folder of its own machine as a stage; it speaks to the server as to Google's storage. Others, as
# Snowpark (which names itself, and stands on an older connector), take a folder, and reach Google's storage by https only.
_REMOTE_CLIENT = re.compile(r"python\s*connector[ /]+(\d+)", re.IGNORECASE)


def _stage_info(session: Session, place: Location, *, write: bool) -> dict[str, Any]:
    """Where a client finds the files; the wire puts its own address in as the end point of a remote place."""
    common = {
        "path": place.prefix,
        "region": "local",
        "storageAccount": None,
        "isClientSideEncrypted": False,
        "presignedUrl": None,
        "endPoint": None,
    }
    match = _REMOTE_CLIENT.search(session.client_application)
    if match is None or int(match[1]) < 5:
        folder = place.folder / place.prefix if write else place.folder
        return {**common, "locationType": "LOCAL_FS", "location": str(folder), "creds": {}}
    path = place.prefix.strip("/")
    inside = f"stage-files/{path}/" if write and path else "stage-files/"
    token = grant(session.account, place, write=write)
    return {**common, "locationType": "GCS", "location": inside, "creds": {"GCS_ACCESS_TOKEN": token}}


@handles("PUT")
def put(session: Session, statement: Statement) -> Result:
    """PUT file://path @stage[/path]: tell the client where its files go."""
    written = statement.text.lstrip()
    path, end = _local_path(written, 0)
    stage, end = read_written(written, end)
    options = _options(written[end:], _PUT_OPTIONS, "PUT")
    place = location(session, stage, write=True)
    result = Result([Column(*column) for column in _PUT_COLUMNS], [], statement_type=StatementType.UNKNOWN)
    result.wire_data = {
        "command": "UPLOAD",
        "src_locations": [path],
        "parallel": options["PARALLEL"],
        "threshold": 209_715_200,
        "autoCompress": options["AUTO_COMPRESS"],
        "overwrite": options["OVERWRITE"],
        "sourceCompression": options["SOURCE_COMPRESSION"].lower(),
        "clientShowEncryptionParameter": False,
        "encryptionMaterial": None,
        "stageInfo": _stage_info(session, place, write=True),
    }
    return result


@handles("GET")
def get(session: Session, statement: Statement) -> Result:
    """GET @stage[/path] file://folder: tell the client which files it may take."""
    written = statement.text.lstrip()
    stage, end = read_written(written, len("GET"))
    path, end = _local_path(written, end)
    options = _options(written[end:], _GET_OPTIONS, "GET")
    place = location(session, stage)
    files = place.files(options["PATTERN"])
    result = Result([Column(*column) for column in _GET_COLUMNS], [], statement_type=StatementType.UNKNOWN)
    result.wire_data = {
        "command": "DOWNLOAD",
        "src_locations": [file.path for file in files],
        "localLocation": path,
        "parallel": options["PARALLEL"],
        "threshold": 209_715_200,
        "clientShowEncryptionParameter": False,
        "encryptionMaterial": None,
        "stageInfo": _stage_info(session, place, write=False),
        "presignedUrls": [],
    }
    return result


@handles("LIST")
@handles("LS")
def list_files(session: Session, statement: Statement) -> Result:
    """LIST @stage[/path] [PATTERN = '…']: the files with size, checksum and time."""
    place, pattern = _place_and_pattern(session, statement, write=False)
    rows = [
        (place.label + file.path, file.size, file.md5, format_datetime(file.modified, usegmt=True))
        for file in place.files(pattern)
    ]
    columns = [Column("name"), Column("size", NUMBER), Column("md5"), Column("last_modified")]
    return Result(columns, rows, statement_type=StatementType.SHOW)


@handles("REMOVE")
@handles("RM")
def remove_files(session: Session, statement: Statement) -> Result:
    """REMOVE @stage[/path] [PATTERN = '…']: the files are gone."""
    place, pattern = _place_and_pattern(session, statement, write=True)
    rows = []
    for file in place.files(pattern):
        file.file.unlink(missing_ok=True)
        rows.append((place.label + file.path, "removed"))
    return Result([Column("name"), Column("result")], rows, statement_type=StatementType.SHOW)


def _place_and_pattern(session: Session, statement: Statement, *, write: bool) -> tuple[Location, str | None]:
    first = statement.tokens.tokens[0]
    stage, end = read_written(statement.text, first.end + 1)
    options = _options(statement.text[end:], {"PATTERN": Property(text)}, "LIST")
    return location(session, stage, write=write), options["PATTERN"]
