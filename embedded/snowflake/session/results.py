"""Results of finished queries: for RESULT_SCAN, for results by query id, and for chunks being fetched."""

from __future__ import annotations

import threading
from collections import OrderedDict

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result

# Both bounds hold: the oldest results go first.
_MOST_RESULTS = 2_000
_MOST_BYTES = 512 * 2**20


def result_bytes(result: Result) -> int:
    """About the bytes that a result takes in memory."""
    if result.arrow is not None:
        return result.arrow.nbytes
    return 100 * len(result.rows or ()) * max(1, len(result.columns))


class Results:
    """The newest results of an account by query id, and the sessions' users they belong to."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Result, int, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, query_id: str, result: Result, user: int) -> None:
        """Keep a result; a query id that is there already gets the new one."""
        size = result_bytes(result)
        with self._lock:
            self._forget(query_id)
            self._kept[query_id] = (result, user, size)
            self._bytes += size
            while len(self._kept) > 1 and (len(self._kept) > _MOST_RESULTS or self._bytes > _MOST_BYTES):
                self._forget(next(iter(self._kept)))

    def get(self, query_id: str, user: int) -> Result:
        """The result of a query of this user.

        Raises:
            SnowflakeError: there is none, it is no longer kept, or it is another user's (000709).
        """
        kept = self._kept.get(query_id)
        if kept is None or kept[1] != user:
            raise SnowflakeError(f"Statement {query_id} not found", 709, "02000")
        return kept[0]

    def _forget(self, query_id: str) -> None:
        kept = self._kept.pop(query_id, None)
        if kept is not None:
            self._bytes -= kept[2]
