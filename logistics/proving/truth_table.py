"""Asks a deployed platform as each role what docs/who_sees_what.yaml says, and yields every difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from snowflake.connector.errors import ProgrammingError

PASSWORD = "Asks-as-each-role-1"
USER = "TEST_ASKER"
KEYS = {"customer_id": [f"C00000000{n}" for n in (1, 2, 3)], "vehicle_id": [f"V00000000{n}" for n in (1, 2, 3)]}
LISTED = 2
_TAGGED = {"varchar": "ship_mode", "number": "revenue", "date": "shipment_date", "timestamp": "delivered_at"}
_DENIED = (2003, 3001, 2043)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One cell of the table: what a role was said to see of a column, what it sees, and whether the two agree."""

    role: str
    object: str
    column: str
    expected: str
    actual: str
    holds: bool


@dataclass
class TruthTable:
    """The file, and one session a role on an account that is thrown away; `ask_as` is opened by `prepare`.

    Attributes:
        connect: opens a connection as a role, for a `with` block; with a user and its password, or as the deploying user.
        file: the reviewed table, docs/who_sees_what.yaml.
        ask_as: the sessions by role, lower case.
        warehouse: the environment's.
    """

    connect: Callable[..., Any]
    file: Path
    warehouse: str = "COMPUTE_WH_DEV"
    ask_as: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """The file's content."""
        return yaml.safe_load(self.file.read_text(encoding="utf-8"))

    def prepare(self, stack: ExitStack) -> TruthTable:
        """Fill every protected table with three rows, two of them listed for the asking user, and log in as each role."""
        self.sessions(stack, ["accountadmin"])
        admin = self.ask_as["accountadmin"]
        for row in admin.execute("show tasks in database LOGISTICS").fetchall():
            admin.execute(f'alter task LOGISTICS."{row[4]}"."{row[1]}" suspend')
        admin.execute(f"create user {USER} password = '{PASSWORD}' default_secondary_roles = ()")
        for role in self.truth["roles"]:
            admin.execute(f"grant role {role} to user {USER}")
            admin.execute(f"grant usage on warehouse {self.warehouse} to role {role}")
        self.sessions(stack, self.truth["roles"])
        for name, kind in (("customer", "customer_id"), ("vehicle", "vehicle_id")):
            rows = ", ".join(f"('{USER}', '{key}')" for key in KEYS[kind][:LISTED])
            admin.execute(f"insert into governance.user_{name}_access values {rows}")
        for name, about in self.truth["objects"].items():
            if about["access"].split("_")[0] in ("customers", "vehicles") and "view" not in about["access"]:
                self._fill(name, about["columns"])
        for row in admin.execute("show dynamic tables in database LOGISTICS").fetchall():
            admin.execute(f'alter dynamic table LOGISTICS."{row[4]}"."{row[1]}" refresh')
        self._create_probe()
        return self

    def sessions(self, stack: ExitStack, roles: list[str]) -> None:
        """Log in once a role."""
        for role in roles:
            login = {} if role == "accountadmin" else {"user": USER, "password": PASSWORD}
            connection = stack.enter_context(self.connect(role=role.upper(), **login))
            self.ask_as[role] = connection.cursor()
            if role != "public":
                self.ask_as[role].execute("use secondary roles none")

    def _fill(self, name: str, columns: dict[str, str]) -> None:
        schema, table = name.split(".")
        types = dict(
            self.ask_as["accountadmin"]
            .execute(
                "select lower(column_name), data_type from information_schema.columns "
                f"where table_schema = '{schema.upper()}' and table_name = '{table.upper()}'"
            )
            .fetchall()
        )
        marks = ", ".join(["%s"] * len(columns))
        rows = [
            [self._value(column, mask, types[column], number) for column, mask in columns.items()]
            for number in range(3)
        ]
        self.ask_as["data_engineer"].executemany(f"insert into {name} ({', '.join(columns)}) values ({marks})", rows)

    def _value(self, column: str, mask: str, kind: str, number: int) -> Any:
        if column in KEYS:
            return KEYS[column][number]
        if mask != "clear":
            return list(self.truth["masks"][mask]["shown"])[number]
        values = {
            "DATE": date(2026, 1, 5 + number),
            "TIMESTAMP_NTZ": datetime.fromisoformat(f"2026-01-0{5 + number} 12:00:00"),
            "BOOLEAN": True,
            "TEXT": f"T{number}",
            "NUMBER": number + 1,
            "FLOAT": number + 0.5,
        }
        return values[kind]

    def differences(self, first: str = "") -> Iterator[str]:
        """Yield where the platform is not as the file says; one object may be asked about before the others."""
        yield from self._incomplete()
        yield from self._masks_alone()
        objects = self.truth["objects"]
        for name in sorted(objects, key=lambda each: each != first):
            for role in self.truth["roles"]:
                yield from self._of_role(name, objects[name], role)
            if name == first or not first:
                yield from self._second_line() if name == "marts.tbl_fact_shipments" else ()

    def differences_of(self, names: Sequence[str], roles: Sequence[str]) -> Iterator[str]:
        """Yield the differences of some objects as some roles, to save the time of asking about all."""
        for name in names:
            for role in roles:
                yield from self._of_role(name, self.truth["objects"][name], role)

    def answers(self) -> Iterator[Answer]:
        """Yield what each role was said to see of each column of each object, and what it does see."""
        for name, about in sorted(self.truth["objects"].items()):
            rows = self.truth["access"][about["access"]]["rows"]
            for role in self.truth["roles"]:
                wrong = list(self._of_role(name, about, role))
                seen = self._read(name, role)
                said = str(rows.get(role, "denied"))
                actual = "denied" if seen is None else f"{len(seen)} rows"
                for column, mask in about["columns"].items() or [("", "clear")]:
                    hidden = mask != "clear" and role not in self.truth["masks"][mask]["clear"]
                    word = "masked" if hidden else "clear"
                    of_column = [
                        each for each in wrong if f"{name}.{column}:" in each or f"{name}.{column}" not in each
                    ]
                    yield Answer(
                        role=role,
                        object=name,
                        column=column,
                        expected=said if said in ("denied", "none") or not column else f"{said}, {word}",
                        actual="; ".join(of_column) or (actual if not seen else f"{actual}, {word}"),
                        holds=not of_column,
                    )

    def _masks_alone(self) -> Iterator[str]:
        """Ask each mask as each role, also as those that no table shows a row to."""
        for role in self.truth["roles"]:
            for row in self.ask_as[role].execute("select * from PROBE.PUBLIC.MASKS").fetchall():
                for mask, column in zip(self._masks, range(1, len(row)), strict=True):
                    value = list(self.truth["masks"][mask]["shown"])[int(row[0])]
                    if row[column] != self._shown(mask, role, value):
                        yield f"{role} sees {row[column]!r} through the mask {mask}"

    def _create_probe(self) -> None:
        admin = self.ask_as["accountadmin"]
        columns = ", ".join(f"{mask} varchar masking policy LOGISTICS.governance.{mask}_mask" for mask in self._masks)
        admin.execute("create database PROBE")
        admin.execute(f"create table PROBE.PUBLIC.MASKS (n number, {columns})")
        for number in range(2):
            values = [list(self.truth["masks"][mask]["shown"])[number] for mask in self._masks]
            admin.execute(
                f"insert into PROBE.PUBLIC.MASKS values ({number}, {', '.join(['%s'] * len(values))})", values
            )
        for role in self.truth["roles"]:
            admin.execute(f"grant usage on database PROBE to role {role}")
            admin.execute(f"grant usage on schema PROBE.PUBLIC to role {role}")
            admin.execute(f"grant select on table PROBE.PUBLIC.MASKS to role {role}")
        admin.execute("use database LOGISTICS")

    @property
    def _masks(self) -> list[str]:
        return [mask for mask in self.truth["masks"] if mask != "clear"]

    def _incomplete(self) -> Iterator[str]:
        """Compare which objects and columns there are, without a policy's sight: as the owner of all."""
        admin = self.ask_as["accountadmin"]
        admin.execute(
            "select lower(table_schema || '.' || table_name), lower(column_name) from information_schema.columns "
            "where table_schema <> 'INFORMATION_SCHEMA'"
        )
        there = {(row[0], row[1]) for row in admin.fetchall()}
        said = {(name, column) for name, about in self.truth["objects"].items() for column in about["columns"]}
        yield from (f"{name}.{column} is not in the truth table" for name, column in sorted(there - said))
        yield from (f"{name}.{column} is not in the account" for name, column in sorted(said - there))
        shown = admin.execute("show streams in database LOGISTICS").fetchall()
        streams = {f"{row[3]}.{row[1]}".lower() for row in shown}
        named = {name for name, about in self.truth["objects"].items() if about["access"] == "stream"}
        yield from (f"the stream {name} is on one side only" for name in sorted(streams ^ named))

    def _of_role(self, name: str, about: dict[str, Any], role: str) -> Iterator[str]:
        profile = self.truth["access"][about["access"]]
        seen, said = self._read(name, role), profile["rows"].get(role, "denied")
        if (seen is None) != (said == "denied"):
            yield f"{role} on {name}: {'denied' if seen is None else 'may read'}, but {said} was said"
        elif seen is not None and said != "open":
            yield from self._compare(name, about, role, seen, {"all": 3, "listed": LISTED, "none": 0}[said])
        if (
            about["access"] != "stream"
            and "write" in profile
            and (role in profile["write"]) != self._writes(name, role)
        ):
            yield f"{role} on {name}: {'may not' if role in profile['write'] else 'may'} write"

    def _read(self, name: str, role: str) -> list[dict[str, Any]] | None:
        cursor = self.ask_as[role]
        try:
            cursor.execute(f"select * from LOGISTICS.{name}")
        except ProgrammingError as error:
            if error.errno not in _DENIED:
                raise
            return None
        names = [column[0].lower() for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _writes(self, name: str, role: str) -> bool:
        try:
            self.ask_as[role].execute(f"delete from LOGISTICS.{name} where false")
        except ProgrammingError as error:
            if error.errno not in _DENIED:
                raise
            return False
        return True

    def _compare(
        self, name: str, about: dict[str, Any], role: str, seen: list[dict[str, Any]], expected: int
    ) -> Iterator[str]:
        if about["access"] == "shipments_sum":
            total = sum(row["shipments"] or 0 for row in seen if row.get("season") != "MONTH")
            if total != expected:
                yield f"{role} on {name}: {total} shipments, not {expected}"
            return
        key = "vehicle_id" if about["access"].startswith("vehicles") else "customer_id"
        # A view may tell of one key at several times; its first column tells them apart.
        keys = sorted({row[key] for row in seen} if "view" in about["access"] else (row[key] for row in seen))
        if keys != KEYS[key][:expected]:
            yield f"{role} on {name}: rows {keys}, not {KEYS[key][:expected]}"
            return
        first = next(iter(about["columns"]))
        clear = {(row[key], row[first]): row for row in self._read(name, "data_engineer") or []}
        for row in seen:
            for column, mask in about["columns"].items():
                wanted = self._shown(mask, role, clear.get((row[key], row[first]), row)[column])
                if row[column] != wanted:
                    yield f"{role} on {name}.{column}: {row[column]!r}, not {wanted!r}"
        if role == "data_engineer" and about["access"] in ("customers", "vehicles"):
            masked = [(column, mask) for column, mask in about["columns"].items() if mask != "clear"]
            for column, mask in masked:
                values, wanted = {row[column] for row in seen}, set(self.truth["masks"][mask]["shown"])
                if values != wanted:
                    yield f"{role} on {name}.{column}: {values}, not {wanted}"

    def _shown(self, mask: str, role: str, value: Any) -> Any:
        about = self.truth["masks"][mask]
        return value if about["clear"] == "everyone" or role in about["clear"] else about["shown"].get(value, value)

    def _second_line(self) -> Iterator[str]:
        """Tag columns that have no mask of their own, and take the tag off again."""
        admin, table = self.ask_as["accountadmin"], "LOGISTICS.marts.tbl_fact_shipments"
        for column in _TAGGED.values():
            admin.execute(f"alter table {table} modify column {column} set tag LOGISTICS.governance.pii = 'name'")
        try:
            seen = self._read("marts.tbl_fact_shipments", "data_analyst") or []
            for kind, column in _TAGGED.items():
                wanted = self.truth["tagged"][kind]
                if [row[column] for row in seen] != [wanted] * LISTED:
                    yield f"the tagged {kind} marts.tbl_fact_shipments.{column} is not {wanted!r} for data_analyst"
        finally:
            for column in _TAGGED.values():
                admin.execute(f"alter table {table} modify column {column} unset tag LOGISTICS.governance.pii")
