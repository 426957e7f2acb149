"""Grants: roles to roles and users, privileges to roles, and ownership."""

from collections.abc import Sequence
from typing import Any

from embedded.provider import literals, names
from embedded.provider.errors import StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Kind
from embedded.provider.kinds.statements import like
from embedded.provider.kinds.targets import TARGETS, Target, import_object, import_target, on_schema_object, split_id
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order
from embedded.provider.session import Row


def _show(op: Operation, statement: str) -> list[Row]:
    """Return grants; all questions of the same text share an answer."""
    return op.show("GRANTS", statement, statement, None)


class GrantKind(Kind):
    """What grants share: a write to one makes shared answers about the same object stale."""

    def parts_of_id(self, id_: str) -> tuple[str, ...]:
        """Return the pieces of the id."""
        return tuple(split_id(id_))

    def fqn(self, op: Operation) -> str:
        """Return the id, which is all the name a grant has."""
        return op.id


# -- roles -------------------------------------------------------------------------------------------------------------


class RoleGrantKind(GrantKind):
    """A role granted to another grantee; ``grantees`` maps properties to the grantee's word in SQL."""

    def _grant(self, op: Operation) -> tuple[str, str, str]:
        """Return the granted role, the grantee's word and the grantee."""
        key = "database_role_name" if self.name == "GrantDatabaseRole" else "role_name"
        source = op.inputs if op.inputs.get(key) else op.old
        role = literals.identifier(source.get(key))
        for prop, word in _GRANTEES[self.name].items():
            if source.get(prop):
                return role, word, literals.identifier(source.get(prop))
        raise ValueError(f"{self.name}: one of {', '.join(_GRANTEES[self.name])} has to be set")

    def create(self, op: Operation) -> None:
        """Grant the role."""
        role, word, grantee = self._grant(op)
        op.parts = (role, word, grantee)
        op.write(f"GRANT {self.sql} {role} TO {word} {grantee}")
        op.id = "|".join(op.parts)

    def delete(self, op: Operation) -> None:
        """Revoke the role."""
        role, word, grantee = split_id(op.id)
        op.write(f"REVOKE {self.sql} {role} FROM {word} {grantee}")

    def subject(self, op: Operation) -> str:
        """Return the question whose answer a write changes."""
        return f"SHOW GRANTS OF {self.sql} {op.parts[0]}"

    def read(self, op: Operation) -> bool:
        """Look for the grant among the role's grants; any error means it is gone, as officially."""
        role, word, grantee = split_id(op.id)
        try:
            rows = op.show(self.topic, self.subject(op), self.subject(op), None)
        except StatementError:
            return False
        wanted = names.parse(grantee)
        if not any(_is_grantee(row, word, wanted) for row in rows):
            return False
        self._fill(op, role, word, grantee)
        return True

    def _fill(self, op: Operation, role: str, word: str, grantee: str) -> None:
        key = "database_role_name" if self.name == "GrantDatabaseRole" else "role_name"
        _keep(op, key, role)
        for prop, each in _GRANTEES[self.name].items():
            if each == word:
                _keep(op, prop, grantee)


_GRANTEES: dict[str, dict[str, str]] = {
    "GrantAccountRole": {"parent_role_name": "ROLE", "user_name": "USER"},
    "GrantDatabaseRole": {
        "parent_role_name": "ROLE",
        "parent_database_role_name": "DATABASE ROLE",
        "share_name": "SHARE",
    },
}


def _keep(op: Operation, key: str, quoted: str) -> None:
    """Set a name from an id, in the spelling that the state has if it is the same name."""
    before = op.state.get(key)
    if not (before and names.same(before, quoted)):
        parts = names.parse(quoted)
        op.state.set(key, parts[0] if len(parts) == 1 else quoted)


def _is_grantee(row: Row, word: str, wanted: names.Name) -> bool:
    shown = columns.text(row.get("granted_to")).replace("_", " ")
    name = columns.text(row.get("grantee_name"))
    if shown != word:
        return False
    if word == "USER":
        name = name.removeprefix("USER$")
    if word == "DATABASE ROLE":
        return tuple(name.split(".")) == wanted or name == wanted[-1] or _parse(name) == wanted
    return name == wanted[-1] or _parse(name) == wanted


def _parse(name: str) -> names.Name:
    try:
        return names.parse(name)
    except ValueError:
        return (name,)


# -- privileges --------------------------------------------------------------------------------------------------------


class PrivilegesKind(GrantKind):
    """Privileges on one target, granted to an account role or a database role."""

    @property
    def _role_key(self) -> str:
        return "database_role_name" if "Database" in self.name else "account_role_name"

    @property
    def _role_word(self) -> str:
        return "DATABASE ROLE" if "Database" in self.name else "ROLE"

    def _target(self, op: Operation) -> Target:
        for source in (op.inputs, op.state, op.old):
            for key, make in TARGETS.items():
                if op.resource.properties.get(key) and source.get(key):
                    return make(source.get(key))
        raise ValueError(f"{self.name}: the object of the grant is not set")

    def _role(self, op: Operation) -> str:
        return literals.identifier(
            op.inputs.get(self._role_key) or op.state.get(self._role_key) or op.old.get(self._role_key)
        )

    def subject(self, op: Operation) -> str:
        """Return the question whose answer a write changes."""
        return self._target(op).show

    def _id(self, op: Operation, privileges: Sequence[str]) -> str:
        words = "ALL" if op.inputs.get("all_privileges") else ",".join(privileges)
        flags = [_bool(op.inputs.get("with_grant_option")), _bool(op.inputs.get("always_apply"))]
        return "|".join([self._role(op), *flags, words, self._target(op).piece])

    def create(self, op: Operation) -> None:
        """Grant the privileges."""
        privileges = set_order(op.inputs.get("privileges") or [])
        words = "ALL PRIVILEGES" if op.inputs.get("all_privileges") else ", ".join(privileges)
        option = " WITH GRANT OPTION" if op.inputs.get("with_grant_option") else ""
        self._send(op, f"GRANT {words} ON {{}} TO {self._role_word} {self._role(op)}{option}")
        op.id = self._id(op, privileges)

    def _send(self, op: Operation, statement: str) -> None:
        """Send a grant; one for all pipes goes to each pipe, since Snowflake has no grant on all pipes."""
        target = self._target(op)
        if target.all and target.type == "PIPE":
            place = target.words.partition(" IN ")[2]
            for row in op.run(f"SHOW PIPES IN {place}"):
                op.write(statement.format(f"PIPE {names.full(row['database_name'], row['schema_name'], row['name'])}"))
            return
        try:
            op.write(statement.format(target.words))
        except StatementError as error:
            if not (op.inputs.get("all_privileges") and "Grant partially executed" in error.reason):
                raise
            op.warnings.append(str(error))

    def update(self, op: Operation) -> None:
        """Grant what was added, revoke what was removed."""
        old = [] if op.old.get("all_privileges") else list(op.old.get("privileges") or [])
        new = [] if op.inputs.get("all_privileges") else list(op.inputs.get("privileges") or [])
        role = f"{self._role_word} {self._role(op)}"
        if op.old.get("all_privileges") and not op.inputs.get("all_privileges"):
            self._send(op, f"REVOKE ALL PRIVILEGES ON {{}} FROM {role}")
        if op.inputs.get("all_privileges") and not op.old.get("all_privileges"):
            self._send(op, f"GRANT ALL PRIVILEGES ON {{}} TO {role}")
        added, removed = set_order(set(new) - set(old)), set_order(set(old) - set(new))
        if added:
            self._grant_added(op, ", ".join(added), role)
        if removed and not op.inputs.get("all_privileges"):
            self._send(op, f"REVOKE {', '.join(removed)} ON {{}} FROM {role}")
        if op.inputs.get("always_apply"):
            words = "ALL PRIVILEGES" if op.inputs.get("all_privileges") else ", ".join(set_order(new))
            option = " WITH GRANT OPTION" if op.inputs.get("with_grant_option") else ""
            self._send(op, f"GRANT {words} ON {{}} TO {role}{option}")
        op.id = self._id(op, set_order(new))

    def _grant_added(self, op: Operation, words: str, role: str) -> None:
        option = op.inputs.get("with_grant_option")
        if not option and words != "IMPORTED PRIVILEGES":
            self._send(op, f"REVOKE GRANT OPTION FOR {words} ON {{}} FROM {role}")
        self._send(op, f"GRANT {words} ON {{}} TO {role}" + (" WITH GRANT OPTION" if option else ""))

    def delete(self, op: Operation) -> None:
        """Revoke the privileges."""
        words = (
            "ALL PRIVILEGES" if op.old.get("all_privileges") else ", ".join(set_order(op.old.get("privileges") or []))
        )
        if not words:
            return
        try:
            self._send(op, f"REVOKE {words} ON {{}} FROM {self._role_word} {self._role(op)}")
        except StatementError as error:
            if not (error.missing and "GRANTS_SAFE_DESTROY" in op.experiments):
                raise

    def read(self, op: Operation) -> bool:
        """Look which of the wished privileges the role has; False when the role or the object is gone."""
        if op.importing:
            _import_privileges(op, self._role_key)
        target = self._target(op)
        if op.state.get("all_privileges") or target.all:
            return True
        role = names.parse(self._role(op))
        if not self._role_exists(op, role):
            return False
        try:
            rows = _show(op, target.show)
        except StatementError as error:
            if error.missing:
                return False
            raise
        wished = list(op.state.get("privileges") or [])
        held = [privilege for privilege in wished if self._holds(op, rows, target, role, privilege)]
        op.state.set("privileges", set_order(held))
        return True

    def _role_exists(self, op: Operation, role: names.Name) -> bool:
        pattern = f"LIKE {like(role[-1])}"
        if self._role_word == "ROLE":
            rows = op.show("ROLES", role[-1], f"SHOW ROLES {pattern}", "SHOW ROLES")
        else:
            place = f"IN DATABASE {names.quote(role[0])}"
            try:
                narrow, wide = f"SHOW DATABASE ROLES {pattern} {place}", f"SHOW DATABASE ROLES {place}"
                rows = op.show("DATABASE ROLES", role[-1], narrow, wide, place)
            except StatementError as error:
                if error.missing:
                    return False
                raise
        return any(row.get("name") == role[-1] for row in rows)

    def _holds(self, op: Operation, rows: list[Row], target: Target, role: names.Name, privilege: str) -> bool:
        wanted = "USAGE" if privilege == "IMPORTED PRIVILEGES" else privilege
        on, to = ("grant_on", "grant_to") if target.future else ("granted_on", "granted_to")
        word = self._role_word.replace(" ", "_")
        for row in rows:
            shown = columns.text(row.get(on)).replace("_", " ")
            shown = "DATABASE" if shown == "APPLICATION" else shown
            if (
                columns.text(row.get("privilege")) == wanted
                and columns.text(row.get(to)) == word
                and _parse(columns.text(row.get("grantee_name")))[-1] == role[-1]
                and shown == target.type
                and columns.flag(row.get("grant_option")) == bool(op.state.get("with_grant_option"))
                and (target.future or columns.text(row.get("granted_by")))
            ):
                return True
        return False


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _import_privileges(op: Operation, role_key: str) -> None:
    """Fill the state from an id, the only thing that an import of grants reads.

    Raises:
        ValueError: the id has another form.
    """
    pieces = split_id(op.id)
    if len(pieces) < 5:
        raise ValueError(f"invalid id of a {op.kind.name}: {op.id}")
    role, option, always, privileges, kind, *data = pieces
    state = op.state
    parts = names.parse(role)
    state.set(role_key, parts[0] if len(parts) == 1 else role)
    state.set("with_grant_option", option == "true")
    state.set("always_apply", always == "true")
    state.set("all_privileges", privileges in ("ALL", "ALL PRIVILEGES"))
    if not state.get("all_privileges"):
        state.set("privileges", privileges.split(","))
    for key, value in import_target(kind, data).items():
        state.set(key, value)


# -- ownership ---------------------------------------------------------------------------------------------------------


class OwnershipKind(GrantKind):
    """Ownership of one object, of all of a kind, or of future ones."""

    def _target(self, op: Operation) -> Target:
        given = op.inputs.get("on") or op.state.get("on") or op.old.get("on")
        return on_schema_object(given, prefix="")

    def _new_owner(self, op: Operation) -> tuple[str, str, str]:
        """Return the id's word, the word of SQL and the name of the new owner."""
        for source in (op.inputs, op.state, op.old):
            for key, piece, word in _OWNERS:
                if source.get(key):
                    return piece, word, literals.identifier(source.get(key))
        raise ValueError("GrantOwnership: one of accountRoleName, databaseRoleName has to be set")

    def subject(self, op: Operation) -> str:
        """Return the question whose answer a write changes."""
        return self._target(op).show

    def _outbound(self, op: Operation) -> str:
        value = op.inputs.get("outbound_privileges") or op.old.get("outbound_privileges")
        return f" {str(value).upper()} CURRENT GRANTS" if value else ""

    def create(self, op: Operation) -> None:
        """Hand the ownership over."""
        piece, word, owner = self._new_owner(op)
        target = self._target(op)
        self._hand_over(op, target, f"{word} {owner}")
        outbound = str(op.inputs.get("outbound_privileges") or "").upper()
        op.id = "|".join((f"To{piece}", owner, outbound, target.piece))

    def _hand_over(self, op: Operation, target: Target, owner: str) -> None:
        statement = f"GRANT OWNERSHIP ON {target.words} TO {owner}{self._outbound(op)}"
        around = {"PIPE": self._paused_pipe, "TASK": self._suspended_task}.get(target.type)
        if around and not (target.future or target.all):
            around(op, target, statement)
        else:
            op.write(statement)
        op.reads.wrote("TABLES")  # every kind's SHOW has an owner column

    def _paused_pipe(self, op: Operation, target: Target, statement: str) -> None:
        """Pause a running pipe while it changes hands."""
        name = target.words.removeprefix("PIPE ")
        op.run("SELECT CURRENT_ROLE() as CURRENT_ROLE")
        op.run(target.show)
        status = op.run(f"SELECT SYSTEM$PIPE_STATUS('{name}') AS \"PIPE_STATUS\"")
        running = '"executionState":"RUNNING"' in columns.text(status[0].get("PIPE_STATUS")).replace(" ", "")
        if running:
            op.write(f"ALTER PIPE {name} SET PIPE_EXECUTION_PAUSED = true")
        op.write(statement)
        if running:
            op.run(f"SELECT SYSTEM$PIPE_FORCE_RESUME('{name}')")

    def _suspended_task(self, op: Operation, target: Target, statement: str) -> None:
        """Suspend a running task while it changes hands, and start it again."""
        parts = names.parse(target.words.removeprefix("TASK "))
        fqn, place = names.full(*parts), f"IN SCHEMA {names.full(*parts[:2])}"
        rows = op.run(f"SHOW TASKS LIKE {like(parts[-1])} {place}")
        row = next((row for row in rows if row.get("name") == parts[-1]), {})
        if row.get("state") == "started":
            op.write(f"ALTER TASK {fqn} SUSPEND")
        op.write(statement)
        if row.get("state") == "started":
            op.write(f"ALTER TASK {fqn} RESUME")

    def delete(self, op: Operation) -> None:
        """Hand the ownership back to the role of this session; future ownership is left, as officially."""
        target = self._target(op)
        if target.future:
            return
        role = op.run("SELECT CURRENT_ROLE() as CURRENT_ROLE")[0]["CURRENT_ROLE"]
        self._hand_over(op, target, f"ROLE {names.quote(role)}")

    def read(self, op: Operation) -> bool:
        """Look whether the role owns the object; any error means that it does not, as officially."""
        if op.importing:
            self._import(op)
        target = self._target(op)
        if target.all:
            return True
        _, word, owner = self._new_owner(op)
        try:
            rows = _show(op, target.show)
        except StatementError:
            return False
        return any(self._owns(row, target, word, names.parse(owner)) for row in rows)

    def _owns(self, row: Row, target: Target, word: str, owner: names.Name) -> bool:
        on, to = ("grant_on", "grant_to") if target.future else ("granted_on", "granted_to")
        shown = columns.text(row.get(on)).replace("_", " ")
        type_ = "ROLE" if target.type == "DATABASE ROLE" else target.type
        return (
            columns.text(row.get("privilege")) == "OWNERSHIP"
            and shown in (type_, target.type)
            and columns.text(row.get(to)).replace("_", " ") == word
            and _parse(columns.text(row.get("grantee_name")))[-1] == owner[-1]
        )

    def _import(self, op: Operation) -> None:
        pieces = split_id(op.id)
        if len(pieces) < 5:
            raise ValueError(f"invalid id of a GrantOwnership: {op.id}")
        to, owner, outbound, *data = pieces
        key = next(key for key, piece, _ in _OWNERS if to == f"To{piece}")
        parts = names.parse(owner)
        op.state.set(key, parts[0] if len(parts) == 1 else owner)
        op.state.set("outbound_privileges", outbound or None)
        op.state.set("on", import_object(data))


_OWNERS = (
    ("account_role_name", "AccountRole", "ROLE"),
    ("database_role_name", "DatabaseRole", "DATABASE ROLE"),
)

KINDS = (
    RoleGrantKind(name="GrantAccountRole", sql="ROLE", plural="ROLE GRANTS"),
    RoleGrantKind(name="GrantDatabaseRole", sql="DATABASE ROLE", plural="ROLE GRANTS"),
    PrivilegesKind(name="GrantPrivilegesToAccountRole", sql="PRIVILEGES", plural="GRANTS"),
    PrivilegesKind(name="GrantPrivilegesToDatabaseRole", sql="PRIVILEGES", plural="GRANTS"),
    OwnershipKind(name="GrantOwnership", sql="OWNERSHIP", plural="GRANTS"),
)
