"""Parameters as resources, tags on objects, and statements of the program's own."""

import time
import uuid
from typing import Any

from embedded.provider import description, literals, names
from embedded.provider.errors import CancelledError, ProviderError, StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Kind
from embedded.provider.kinds.statements import like
from embedded.provider.kinds.targets import split_id
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order

# -- parameters --------------------------------------------------------------------------------------------------------


def _account_value(key: str, value: str) -> str:
    """Return an account parameter's value: numbers and booleans bare, texts quoted, names as identifiers."""
    kind = (description.parameters("Account").get(key) or ["string"])[0]
    if kind in ("int", "bool"):
        return value.lower() if kind == "bool" else value
    if key in ("NETWORK_POLICY", "CATALOG", "EXTERNAL_VOLUME", "EVENT_TABLE", "ACTIVE_PYTHON_PROFILER") and value:
        return literals.identifier(value)
    return literals.text(value)


class AccountParameterKind(Kind):
    """A parameter of the account."""

    @property
    def inherited_from(self) -> bool:
        """Whether others inherit what is set here: always."""
        return True

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the key."""
        return (id_,)

    def create(self, op: Operation) -> None:
        """Set the parameter."""
        key = str(op.inputs.get("key")).upper()
        op.parts, op.id = (key,), key
        op.write(f"ALTER ACCOUNT SET {key} = {_account_value(key, str(op.inputs.get('value')))}")

    def update(self, op: Operation) -> None:
        """Set the new value."""
        self.create(op)

    def delete(self, op: Operation) -> None:
        """Unset the parameter."""
        op.write(f"ALTER ACCOUNT UNSET {op.parts[0]}")

    def read(self, op: Operation) -> bool:
        """Read the value."""
        key = op.parts[0]
        rows = op.run(f"SHOW PARAMETERS LIKE {like(key)} IN ACCOUNT")
        if not rows:
            raise ProviderError(f"the account has no parameter {key}")
        before = op.state.get("key")
        op.state.set("key", before if before and str(before).upper() == key else key)
        op.state.set("value", columns.text(rows[0].get("value")))
        return True


class ObjectParameterKind(Kind):
    """A parameter of an object, or of the account."""

    @property
    def inherited_from(self) -> bool:
        """Whether others inherit what is set here: always."""
        return True

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the key, the object's type and its name; the last two empty for the account."""
        pieces = split_id(id_)
        if len(pieces) != 3:
            raise ValueError(f"invalid id of an ObjectParameter: {id_}; it has to look like KEY|TYPE|NAME or KEY||")
        return tuple(pieces)

    def parts_of_inputs(self, op: Operation) -> tuple[str, ...]:
        """Return the key, the object's type and its full name."""
        key = str(op.inputs.get("key")).upper()
        if op.inputs.get("on_account"):
            return key, "", ""
        given = (op.inputs.get("object_identifier") or [{}])[0]
        parts = [given[part] for part in ("database", "schema", "name") if given.get(part)]
        return key, str(op.inputs.get("object_type") or "").upper(), names.full(*parts)

    def _place(self, op: Operation) -> str:
        return f"{op.parts[1]} {op.parts[2]}" if op.parts[1] else "ACCOUNT"

    def _show(self, op: Operation) -> dict[str, Any]:
        rows = op.run(f"SHOW PARAMETERS LIKE {like(op.parts[0])} IN {self._place(op)}")
        if not rows:
            raise ProviderError(f"{self._place(op)} has no parameter {op.parts[0]}")
        return rows[0]

    def _set(self, op: Operation, value: str) -> None:
        written = value if op.parts[1] else _account_value(op.parts[0], value)
        op.write(f"ALTER {self._place(op)} SET {op.parts[0]} = {written}")

    def create(self, op: Operation) -> None:
        """Set the parameter and check that Snowflake knows it."""
        op.parts = self.parts_of_inputs(op)
        self._set(op, str(op.inputs.get("value")))
        self._show(op)
        op.id = "|".join(op.parts)

    def update(self, op: Operation) -> None:
        """Set the new value."""
        self.create(op)

    def delete(self, op: Operation) -> None:
        """Set the parameter to its default, as officially (there is no UNSET)."""
        self._set(op, columns.text(self._show(op).get("default")))

    def read(self, op: Operation) -> bool:
        """Read the value; False when the object is gone."""
        try:
            row = self._show(op)
        except StatementError as error:
            if error.missing:
                return False
            raise
        op.state.set("value", columns.text(row.get("value")))
        op.state.set("key", op.state.get("key") or op.parts[0])
        if op.importing:
            self._import(op)
        return True

    def _import(self, op: Operation) -> None:
        op.state.set("on_account", not op.parts[1])
        if op.parts[1]:
            keys = ("database", "schema", "name")
            parts = names.parse(op.parts[2])
            op.state.set("object_type", op.parts[1])
            op.state.set("object_identifier", [dict(zip(keys[3 - len(parts) :], parts, strict=True))])


# -- tags on objects ---------------------------------------------------------------------------------------------------

_AS_TABLE = ("VIEW", "MATERIALIZED VIEW", "EXTERNAL TABLE", "EVENT TABLE")
_WAIT_SECONDS = 19 * 60


class TagAssociationKind(Kind):
    """A tag's value on objects of one type."""

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the tag, the value and the type."""
        pieces = split_id(id_)
        if len(pieces) != 3:
            raise ValueError(
                f'invalid id of a TagAssociation: {id_}; it has to look like "DB"."SCHEMA"."TAG"|value|TYPE'
            )
        return tuple(pieces)

    def _alter(self, op: Operation, name: str, words: str, *, lenient: bool = False) -> None:
        type_ = str(op.inputs.get("object_type") or op.old.get("object_type")).upper()
        exists = "IF EXISTS " if lenient else ""
        parts = names.parse(name)
        if type_ == "COLUMN":
            target = f"TABLE {exists}{names.full(*parts[:-1])} MODIFY COLUMN {names.quote(parts[-1])}"
        else:
            target = f"{'TABLE' if type_ in _AS_TABLE else type_} {exists}{names.full(*parts)}"
        op.write(f"ALTER {target} {words}")

    def _tag(self, op: Operation) -> str:
        return literals.identifier(op.inputs.get("tag_id") or op.old.get("tag_id") or op.parts[0])

    def _get(self, op: Operation, name: str) -> str | None:
        type_ = str(op.inputs.get("object_type") or op.state.get("object_type") or op.old.get("object_type")).upper()
        type_ = "TABLE" if type_ in _AS_TABLE else type_
        call = f"SYSTEM$GET_TAG('{self._tag(op)}', '{names.requote(name)}', '{type_}')"
        rows = op.run(f'SELECT {call} AS "TAG"')
        return rows[0].get("TAG") if rows else None

    def create(self, op: Operation) -> None:
        """Set the tag on each object; wait until it shows unless validation is skipped."""
        value = str(op.inputs.get("tag_value"))
        objects = set_order(op.inputs.get("object_identifiers"))
        for name in objects:
            self._alter(op, name, f"SET TAG {self._tag(op)} = {literals.text(value)}")
        if op.inputs.get("skip_validation") is False:
            for name in objects:
                self._await(op, name)
        op.id = self._id(op)
        op.parts = self.parts_of_id(op.id)

    def _id(self, op: Operation) -> str:
        return f"{self._tag(op)}|{op.inputs.get('tag_value')}|{str(op.inputs.get('object_type')).upper()}"

    def _await(self, op: Operation, name: str) -> None:
        end, pause = time.monotonic() + _WAIT_SECONDS, 0.5
        while self._get(op, name) is None:
            if time.monotonic() > min(end, op.deadline):
                raise CancelledError(f"tag {self._tag(op)} does not show on {name} yet")
            time.sleep(pause)
            pause = min(pause * 2, 30)

    def update(self, op: Operation) -> None:
        """Set the tag on added objects (on all when the value changed), unset it on removed ones."""
        old = {names.requote(name): name for name in op.old.get("object_identifiers") or []}
        new = {names.requote(name): name for name in op.inputs.get("object_identifiers") or []}
        value = str(op.inputs.get("tag_value"))
        for name in set_order(name for name in old if name not in new):
            self._alter(op, name, f"UNSET TAG {self._tag(op)}", lenient=True)
        for name in set_order(new):
            if name not in old or "tag_value" in op.changes:
                self._alter(op, name, f"SET TAG {self._tag(op)} = {literals.text(value)}")
        op.id = self._id(op)
        op.parts = self.parts_of_id(op.id)

    def delete(self, op: Operation) -> None:
        """Unset the tag on each object."""
        for name in set_order(op.old.get("object_identifiers") or []):
            try:
                self._alter(op, name, f"UNSET TAG {self._tag(op)}", lenient=True)
            except StatementError as error:
                if not error.missing:
                    raise

    def read(self, op: Operation) -> bool:
        """Keep the objects that have the tag's value; False when none has."""
        state = op.state
        if op.importing:
            for key, value in zip(("tag_id", "tag_value", "object_type"), op.parts, strict=True):
                state.set(key, value)
            self._import_objects(op)
        wanted, kept = str(state.get("tag_value")), []
        for name in state.get("object_identifiers") or []:
            try:
                if self._get(op, name) == wanted:
                    kept.append(name)
            except StatementError as error:
                if not error.missing:
                    raise
        state.set("object_identifiers", kept)
        return bool(kept) or not op.refreshing

    def _import_objects(self, op: Operation) -> None:
        """Find the objects that carry the tag's value, which the id does not name."""
        tag = names.parse(op.parts[0])
        rows = op.run(
            "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES WHERE "
            f"TAG_NAME = {literals.text(tag[-1])} AND TAG_VALUE = {literals.text(op.parts[1])} "
            f"AND DOMAIN = {literals.text(op.parts[2])} AND OBJECT_DELETED IS NULL"
        )
        keys = ("OBJECT_DATABASE", "OBJECT_SCHEMA", "OBJECT_NAME", "COLUMN_NAME")
        found = [names.full(*(columns.text(row[key]) for key in keys if row.get(key))) for row in rows]
        op.state.set("object_identifiers", found)


# -- statements of the program -----------------------------------------------------------------------------------------


class ExecuteKind(Kind):
    """A statement to run at creation, one to run at deletion, and a query to read."""

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the id."""
        return (id_,)

    def subject(self, op: Operation) -> str:
        """Return the id; what a statement of the program changes is not known."""
        return op.id

    def create(self, op: Operation) -> None:
        """Run the statement."""
        try:
            op.run(op.inputs.get("execute"))
        finally:
            op.reads.wrote("EXECUTE")
        op.id = str(uuid.uuid4())

    def undo(self, op: Operation) -> None:
        """Run the statement that reverts: whether the other one ran is not known."""
        try:
            op.run(op.inputs.get("revert"))
        finally:
            op.reads.wrote("EXECUTE")

    def update(self, op: Operation) -> None:
        """Keep a changed revert or query in the state."""

    def delete(self, op: Operation) -> None:
        """Run the statement that reverts."""
        try:
            op.run(op.old.get("revert"))
        finally:
            op.reads.wrote("EXECUTE")

    def read(self, op: Operation) -> bool:
        """Run the query, if there is one, and keep its rows as texts."""
        query = op.state.get("query")
        if not query:
            op.state.set("query_results", None)
            return True
        try:
            rows = op.run(query)
        except StatementError as error:
            if not op.refreshing:
                raise
            op.warnings.append(str(error))
            rows = []
        op.state.set("query_results", [{key: columns.text(value) for key, value in row.items()} for row in rows])
        return True


KINDS = (
    AccountParameterKind(name="AccountParameter", sql="ACCOUNT", plural="ACCOUNT PARAMETERS"),
    ObjectParameterKind(name="ObjectParameter", sql="PARAMETER", plural="OBJECT PARAMETERS"),
    TagAssociationKind(name="TagAssociation", sql="TAG", plural="TAG ASSOCIATIONS"),
    ExecuteKind(
        name="Execute",
        sql="EXECUTE",
        plural="EXECUTE",
        replace_when=lambda op: {"execute"} & op.changes.keys(),
    ),
)
