"""CLONE: what a CREATE … CLONE names, and the copies it makes of a container's contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.statements.physical import create_table, sequence_next, start_sequence, start_stream
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

# Kinds that a clone of a schema leaves out: they hold nothing, or would act twice.
_NOT_CLONED = frozenset({"DATABASE ROLE"})


def read_clone(session: Session, tokens: TokenStream, kind: Kind) -> dict[str, Any] | None:
    """Read `CLONE source [AT|BEFORE (…)]` if it comes next: the source's oid and the text of the time."""
    if not tokens.accept("CLONE"):
        return None
    source = reach(session, kind.name, tokens.name(), "USAGE")
    return {"source": source.oid, "at": read_time(tokens)}


def read_time(tokens: TokenStream) -> str | None:
    """Read `AT (…)` or `BEFORE (…)` if it comes next, as source text."""
    if tokens.word() not in ("AT", "BEFORE") or tokens.word(1) != "(":
        return None
    word = tokens.next().text.upper()
    return f"{word} ({tokens.skip_parenthesis()})"


def clone_children(session: Session, changes: CatalogTransaction, clone: dict[str, Any], target: CatalogObject) -> None:
    """Copy what a database or schema holds into its clone, data included; what refers to each other does so there too."""
    copies: dict[int, CatalogObject] = {}
    _copy_children(session, changes, clone, target, copies)
    # A stream begins with what its table's copy holds, so the tables come first.
    for copy in sorted(copies.values(), key=lambda item: item.kind == "STREAM"):
        _remap(copy.body, {oid: other.oid for oid, other in copies.items()})
        changes.put(copy)
        _make_physical(session, changes, copy)


def _copy_children(
    session: Session,
    changes: CatalogTransaction,
    clone: dict[str, Any],
    target: CatalogObject,
    copies: dict[int, CatalogObject],
) -> None:
    for child in changes.catalog.children(clone["source"]):
        if (
            child.kind in _NOT_CLONED
            or child.name == "INFORMATION_SCHEMA"
            or child.body.get("temporary_session") is not None
        ):
            continue
        body = child.changed().body
        if child.kind == "STREAM":
            body.pop("show_initial_rows", None)
        if child.kind in ("TASK", "ALERT"):
            body["state"] = "suspended"
        if child.kind == "DYNAMIC TABLE":
            body.update(scheduling_state="SUSPENDED", suspend_reason="CLONED", is_clone=True)
        copy = changes.create(
            child.kind,
            target.oid,
            child.name,
            owner=child.owner,
            comment=child.comment,
            signature=child.signature,
            body=body,
        )
        copies[child.oid] = copy
        inner = {"source": child.oid, "at": clone["at"]}
        if child.kind == "SCHEMA":
            _copy_children(session, changes, inner, copy, copies)
        elif child.kind in ("TABLE", "DYNAMIC TABLE"):
            copy.body["clone"] = inner
        elif child.kind == "SEQUENCE":
            copy.body["start"] = sequence_next(session, child)


def _remap(body: dict[str, Any], copies: dict[int, int]) -> None:
    """Let policies, tags, keys and streams' sources of a copy be the copies of those, where they were copied."""
    uses = [body.get("row_access_policy"), *(column.get("masking_policy") for column in body.get("columns", []))]
    for use in uses:
        if use:
            use["policy"] = copies.get(use["policy"], use["policy"])
    for holder in (body, *body.get("columns", [])):
        if holder.get("tags"):
            holder["tags"] = {str(copies.get(int(oid), int(oid))): value for oid, value in holder["tags"].items()}
    for constraint in body.get("constraints", []):
        if constraint.get("references"):
            constraint["references"]["table"] = copies.get(
                constraint["references"]["table"], constraint["references"]["table"]
            )
    if "masking_policies" in body:
        body["masking_policies"] = [copies.get(oid, oid) for oid in body["masking_policies"]]
    if "source" in body:
        body["source"] = copies.get(body["source"], body["source"])
    if "reads" in body:
        body["reads"] = [copies.get(oid, oid) for oid in body["reads"]]
    body.pop("refreshed", None)
    if "tables" in body:
        body["tables"] = [copies.get(oid, oid) for oid in body["tables"]]


def _make_physical(session: Session, changes: CatalogTransaction, copy: CatalogObject) -> None:
    from embedded.snowflake.catalog.descriptions import dynamic_tables, views

    makers = {
        "TABLE": create_table,
        "SEQUENCE": start_sequence,
        "STREAM": start_stream,
        "DYNAMIC TABLE": dynamic_tables.created,
        "MATERIALIZED VIEW": views.make_stored,
    }
    maker: Any = makers.get(copy.kind)
    if maker is not None:
        maker(session, changes, copy)
