"""Every way to weaken the protection by one step, and whether the truth table notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from logistics.proving.truth_table import TruthTable

DATABASE = "LOGISTICS"
_TAG_MASKS = ("pii_mask", "pii_number_mask", "pii_date_mask", "pii_timestamp_mask")
_DIRECT_GRANTS = (
    "select on table governance.user_customer_access to role SECURITY_OFFICER",
    "insert, delete on table marts.tbl_dim_customer to role DATA_ANALYST",
)
_LEVELS = ("READ", "WRITE", "OWN")
_TAGGED_TABLE = "marts.tbl_fact_shipments"
_SHOWN_IN = {"PII": _TAGGED_TABLE, "VEHICLE": "marts.tbl_dim_vehicle", "PLATE": "marts.tbl_dim_vehicle"}
"""Where a policy shows, by a word of its name; the others show in the customers."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One weakening, how it is taken back, and what to ask first; asking about everything follows where that tells nothing.

    Attributes:
        name: what is weakened, such as `mask of marts.tbl_dim_customer.contact_email`.
        weaken, mend: the statements.
        objects: the objects that it opens.
        roles: who sees more of them; empty for everybody.
    """

    name: str
    weaken: str
    mend: str
    objects: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the table noticed a weakening, and the first difference that it saw."""

    mutation: Mutation
    noticed_by: str

    @property
    def caught(self) -> bool:
        """Whether anything differed."""
        return bool(self.noticed_by)


def try_all(table: TruthTable) -> Iterator[Verdict]:
    """Weakens each protection of a thrown-away account in turn, asks, and mends it."""
    admin = table.ask_as["accountadmin"]
    for mutation in mutations(table):
        admin.execute(mutation.weaken)
        try:
            yield Verdict(mutation=mutation, noticed_by=_first_difference(table, mutation))
        finally:
            admin.execute(mutation.mend)


def _first_difference(table: TruthTable, mutation: Mutation) -> str:
    narrow = table.differences_of(mutation.objects, mutation.roles or table.truth["roles"])
    return next(narrow, "") or next(table.differences(next(iter(mutation.objects), "")), "")


def mutations(table: TruthTable) -> list[Mutation]:
    """Returns every weakening: policies' bodies, their places, masks, the tag's masks, and grants of what is not held."""
    admin = table.ask_as["accountadmin"]
    return [
        *_bodies(admin),
        *_detached(table),
        *_unmasked(table),
        *_untagged(),
        *_direct_grants(),
        *_role_grants(table, admin),
    ]


def _bodies(admin: Any) -> Iterator[Mutation]:
    for kind in ("masking", "row access"):
        for row in admin.execute(f"show {kind} policies in database {DATABASE}").fetchall():
            name = f"{DATABASE}.{row[3]}.{row[1]}"
            _, signature, _, body = admin.execute(f"describe {kind} policy {name}").fetchone()
            open_body = "true" if kind == "row access" else signature.strip("()").split(" ")[0]
            change = f"alter {kind} policy {name} set body -> "
            about = next((table for word, table in _SHOWN_IN.items() if word in row[1]), "marts.tbl_dim_customer")
            yield Mutation(name=f"body of {row[1]}", weaken=change + open_body, mend=change + body, objects=(about,))


def _detached(table: TruthTable) -> Iterator[Mutation]:
    for name, about in table.truth["objects"].items():
        profile = about["access"].split("_")
        if profile[0] in ("customers", "vehicles") and "view" not in profile:
            kind = profile[0][:-1]
            policy = f"{DATABASE}.governance.{kind}_data_policy"
            yield Mutation(
                name=f"rows of {name}",
                weaken=f"alter table {name} drop all row access policies",
                mend=f"alter table {name} add row access policy {policy} on ({kind}_id)",
                objects=(name,),
            )


def _unmasked(table: TruthTable) -> Iterator[Mutation]:
    for name, about in table.truth["objects"].items():
        # Where nobody but the engineer reads a table its masks are seen through by nobody.
        for column, mask in about["columns"].items() if about["access"] in ("customers", "vehicles") else ():
            if mask != "clear":
                change = f"alter table {name} modify column {column}"
                yield Mutation(
                    name=f"mask of {name}.{column}",
                    weaken=f"{change} unset masking policy",
                    mend=f"{change} set masking policy {DATABASE}.governance.{mask}_mask",
                    objects=(name,),
                )


def _untagged() -> Iterator[Mutation]:
    tag = f"alter tag {DATABASE}.governance.pii"
    for mask in _TAG_MASKS:
        policy = f"masking policy {DATABASE}.governance.{mask}"
        yield Mutation(
            name=f"{mask} of the tag",
            weaken=f"{tag} unset {policy}",
            mend=f"{tag} set {policy}",
            objects=(_TAGGED_TABLE,),
        )


def _direct_grants() -> Iterator[Mutation]:
    for grant in _DIRECT_GRANTS:
        words = grant.split()
        yield _granted(grant, (words[words.index("table") + 1],), words[-1])


def _role_grants(table: TruthTable, admin: Any) -> Iterator[Mutation]:
    """Yields each access role for each role that does not hold it, and the analysts' role for everybody."""
    access = [row[1] for row in admin.execute("show roles like 'LOGISTICS_%'").fetchall() if _opens(admin, row[1])]
    asked = [role.upper() for role in table.truth["roles"] if role != "accountadmin"]
    held = {role: _held(admin, role) for role in asked}
    given: set[tuple[str, str]] = set()
    for name in sorted(access, key=lambda each: _LEVELS.index(each.rpartition("_")[2])):
        schema = name.removeprefix("LOGISTICS_").rpartition("_")[0].lower()
        objects = tuple(each for each in table.truth["objects"] if each.startswith(f"{schema}."))
        for role in asked:
            # One step: of the levels of a schema that a role does not hold, the lowest.
            if name not in held[role] and (schema, role) not in given:
                given.add((schema, role))
                yield _granted(f"role {name} to role {role}", objects, role)
    yield _granted("role DATA_ANALYST to role PUBLIC", ("marts.tbl_dim_customer",), "PUBLIC")


def _opens(admin: Any, role: str) -> bool:
    """Tells whether an access role itself opens anything: one of a schema without readers may only find the schema."""
    return any(row[1] != "USAGE" for row in admin.execute(f"show grants to role {role}").fetchall())


def _held(admin: Any, role: str) -> set[str]:
    """Returns the roles that a role holds, by whatever way."""
    found: set[str] = set()
    waiting = [role]
    while waiting:
        rows = admin.execute(f"show grants to role {waiting.pop()}").fetchall()
        new = {row[3].strip('"') for row in rows if row[2] == "ROLE"} - found
        found |= new
        waiting += sorted(new)
    return found


def _granted(grant: str, objects: Sequence[str], role: str) -> Mutation:
    return Mutation(
        name=f"grant {grant}",
        weaken=f"grant {grant}",
        mend=f"revoke {grant.replace(' to role ', ' from role ')}",
        objects=tuple(objects),
        roles=(role.lower(),),
    )
