"""The catalog: in memory for reading, in the account's DuckDB file for keeping, changed in transactions.

A change is written in the same DuckDB transaction as the data it goes with, and is seen by others only after the commit.
Objects read from the catalog are never changed in place: take `changed()`, and `put` it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson

from embedded.snowflake.catalog.model import CatalogObject, namespace

_TABLE = "_catalog.records"
# `session`: the id of the session whose statement this thread runs.
acting = threading.local()


class Catalog:
    """All objects of an account, and further records (grants, parameters …) in named collections."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, now: Callable[[], datetime] | None = None) -> None:
        """Read what the account's file has; `now` tells when objects are made and dropped."""
        self._connection = connection
        self.now = now or (lambda: datetime.now(UTC))
        self._lock = threading.RLock()
        self._records: dict[str, dict[str, Any]] = {}
        self._objects: dict[int, CatalogObject] = {}
        self._live: dict[tuple[str, int, str], CatalogObject] = {}
        self._children: dict[int, dict[int, CatalogObject]] = {}
        # By session, the living temporary objects under their names.
        self._temporary: dict[int | None, dict[tuple[str, int, str], CatalogObject]] = {}
        self._last_oid = 0
        # Grows with each committed change: what was derived from the catalog is keyed by it.
        self.version = 0
        # The same for each collection of records.
        self._collection_versions: dict[str, int] = {}
        connection.execute("create schema if not exists _catalog")
        connection.execute(f"create table if not exists {_TABLE}(collection varchar, key varchar, body varchar)")
        for collection, key, body in connection.execute(f"from {_TABLE}").fetchall():
            self._apply(collection, key, orjson.loads(body))

    # -- reading

    def get(self, oid: int) -> CatalogObject:
        """The object with this oid, living or dropped.

        Raises:
            KeyError: there never was one, or its retention is over.
        """
        return self._objects[oid]

    def find(self, kind: str, container: int, name: str, signature: str = "") -> CatalogObject | None:
        """The living object whose name this is among the names that `kind` shares; it may be of another such kind.

        A temporary object of the session that acts hides one that is not temporary; those of other sessions are not found.
        """
        key = (namespace(kind), container, name + signature)
        if self._temporary:
            own = self.find_temporary(kind, container, name + signature)
            if own is not None:
                return own
        return self._live.get(key)

    def find_temporary(self, kind: str, container: int, name: str) -> CatalogObject | None:
        """The living temporary object of that name that the session which acts in this thread (if none does, any) has made."""
        session, key = getattr(acting, "session", None), (namespace(kind), container, name)
        if session is not None:
            return self._temporary.get(session, {}).get(key)
        return next((found[key] for found in list(self._temporary.values()) if key in found), None)

    def hides(self, session: int) -> int | None:
        """The session if it has temporary objects, so that names may mean other objects in it; None if it has none."""
        return session if self._temporary.get(session) else None

    def children(self, container: int, kind: str | None = None) -> list[CatalogObject]:
        """The living objects directly in a container, of one kind or all, by name."""
        return sorted(self.members(container, kind), key=lambda item: (item.name, item.signature))

    def members(self, container: int, kind: str | None = None) -> list[CatalogObject]:
        """The living objects directly in a container, of one kind or all, in no order."""
        found = list(self._children.get(container, {}).values())
        return [item for item in found if item.dropped_on is None and (kind is None or item.kind == kind)]

    def dropped(self, kind: str, container: int, name: str) -> list[CatalogObject]:
        """Dropped objects of that name that can still come back, the last dropped first."""
        found = [
            item
            for item in list(self._children.get(container, {}).values())
            if item.dropped_on is not None and item.name == name and namespace(item.kind) == namespace(kind)
        ]
        return sorted(found, key=lambda item: item.dropped_on or item.created_on, reverse=True)

    def all(self, kind: str) -> list[CatalogObject]:
        """All living objects of a kind in the account (those in dropped containers left out)."""
        return [item for item in list(self._objects.values()) if item.kind == kind and self.is_live(item)]

    def all_with_dropped(self, kind: str) -> list[CatalogObject]:
        """All objects of a kind, those dropped and still kept included."""
        return [item for item in list(self._objects.values()) if item.kind == kind]

    def owned_by(self, role: int) -> list[CatalogObject]:
        """All objects that a role owns, dropped ones included."""
        return [item for item in list(self._objects.values()) if item.owner == role]

    def ever(self, kind: str) -> list[CatalogObject]:
        """All objects of a kind in the account, living or dropped and still kept."""
        return [item for item in list(self._objects.values()) if item.kind == kind]

    def is_live(self, item: CatalogObject) -> bool:
        """Whether neither the object nor a container of it is dropped."""
        while item.dropped_on is None:
            if item.container == 0:
                return True
            item = self._objects[item.container]
        return False

    def records(self, collection: str) -> dict[str, Any]:
        """The records of a collection by key; not to be changed."""
        return dict(self._records.get(collection, {}))

    def record(self, collection: str, key: str) -> Any | None:
        """One record, or None; not to be changed."""
        return self._records.get(collection, {}).get(key)

    def collection_version(self, collection: str) -> int:
        """A number that grows with each change of a collection: what was derived from it is keyed by this."""
        return self._collection_versions.get(collection, 0)

    # -- changing

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no one else change the catalog: for a statement that reads an object and puts it back changed."""
        with self._lock:
            yield

    def next_oid(self) -> int:
        """An oid that nothing has had. Gaps are fine."""
        with self._lock:
            self._last_oid += 1
            return self._last_oid

    @contextmanager
    def transaction(self, cursor: duckdb.DuckDBPyConnection | None = None) -> Iterator[CatalogTransaction]:
        """Change the catalog: all of it or, after an error, nothing.

        One change at a time goes through. Without a cursor, a DuckDB transaction of its own is begun and committed; with one,
        the caller's open DuckDB transaction is used and committed at the end of the block.
        """
        with self._lock:
            own = cursor is None
            cursor = self._connection.cursor() if cursor is None else cursor
            if own:
                cursor.execute("begin transaction")
            changes = CatalogTransaction(self, cursor)
            try:
                yield changes
                changes.write()
                cursor.execute("commit")
            except BaseException:
                cursor.execute("rollback")
                raise
            finally:
                changes.held.close()
                if own:
                    cursor.close()
            if changes.pending:
                self.version += 1
                for (collection, key), body in changes.pending.items():
                    self._apply(collection, key, body)
            for action in changes.committed:
                action()

    def _apply(self, collection: str, key: str, body: Any | None) -> None:
        self._collection_versions[collection] = self._collection_versions.get(collection, 0) + 1
        if collection == "object":
            self._apply_object(int(key), body)
        elif body is None:
            self._records.get(collection, {}).pop(key, None)
        else:
            self._records.setdefault(collection, {})[key] = body

    def _apply_object(self, oid: int, body: dict[str, Any] | None) -> None:
        self._last_oid = max(self._last_oid, oid)
        old = self._objects.pop(oid, None)
        if old is not None:
            live = self._names(old)
            if live.get(old.key) is old:
                del live[old.key]
            self._children[old.container].pop(oid, None)
        if body is not None:
            item = CatalogObject.from_json(body)
            self._objects[oid] = item
            self._children.setdefault(item.container, {})[oid] = item
            if item.dropped_on is None:
                self._names(item)[item.key] = item

    def _names(self, item: CatalogObject) -> dict[tuple[str, int, str], CatalogObject]:
        """Where an object is found by its name: among all of them, or with its session's temporary ones."""
        session = item.body.get("temporary_session")
        return self._live if session is None else self._temporary.setdefault(session, {})


class CatalogTransaction:
    """Changes that become visible together.

    Attributes:
        cursor: where the data's part of them is done.
        pending: records to write, by collection and key; None takes one out.
        committed: what is done after the commit.
        held: what is let go at the end, whatever it is.
    """

    def __init__(self, catalog: Catalog, cursor: duckdb.DuckDBPyConnection) -> None:
        self.catalog = catalog
        self.cursor = cursor
        self.pending: dict[tuple[str, str], Any | None] = {}
        self.committed: list[Callable[[], None]] = []
        self.held = ExitStack()

    def put(self, item: CatalogObject) -> CatalogObject:
        """Add or change an object."""
        self.pending["object", str(item.oid)] = item.to_json()
        return item

    def create(self, kind: str, container: int, name: str, **fields: Any) -> CatalogObject:
        """Add a new object and give it; whether the name is free is the caller's to see."""
        fields.setdefault("created_on", self.catalog.now())
        return self.put(CatalogObject(self.catalog.next_oid(), kind, container, name, **fields))

    def drop(self, item: CatalogObject) -> None:
        """Mark an object dropped, so that UNDROP and Time Travel still find it."""
        self.put(item.changed(dropped_on=self.catalog.now()))

    def remove(self, item: CatalogObject) -> None:
        """Take an object out for good."""
        self.pending["object", str(item.oid)] = None

    def get(self, oid: int) -> CatalogObject:
        """An object as this transaction leaves it."""
        body = self.pending.get(("object", str(oid)))
        return CatalogObject.from_json(body) if body else self.catalog.get(oid)

    def put_record(self, collection: str, key: str, body: Any) -> None:
        """Add or change a record of a collection (JSON-able)."""
        self.pending[collection, key] = body

    def remove_record(self, collection: str, key: str) -> None:
        """Take a record out."""
        self.pending[collection, key] = None

    def write(self) -> None:
        """Write what changed through the transaction's cursor."""
        for (collection, key), body in self.pending.items():
            self.cursor.execute(f"delete from {_TABLE} where collection = ? and key = ?", [collection, key])
            if body is not None:
                self.cursor.execute(
                    f"insert into {_TABLE} values (?, ?, ?)", [collection, key, orjson.dumps(body).decode()]
                )
