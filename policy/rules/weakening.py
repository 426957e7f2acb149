"""Rules of change: what protected something before and does not now, unless the stack file approves it by name.

A policy pack is told of new inputs only. The state before comes as a file that `logistics` writes from `pulumi stack export`
(the setting `before`): the inputs of what protects, by type and name.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules.model import UNKNOWN, Config, Resource, Rule, Violation, is_set, listed, number, of_kind
from rules.statements import attaches, unquoted

Inputs = Mapping[str, Any]
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/|//[^\n]*", re.DOTALL)
_SPLIT = re.compile(r"('(?:[^']|'')*')")


@dataclass(frozen=True, kw_only=True)
class Weakening:
    """One protection that is less than before: the name to approve it by, what happened, and where."""

    name: str
    message: str
    urn: str = ""


def meaning(text: Any) -> str:
    """Returns SQL without what changes nothing: comments, white space, and case outside of literals."""
    parts = _SPLIT.split(str(text or ""))
    plain = (" ".join(_COMMENTS.sub(" ", part).lower().split()) for part in parts[::2])
    literals = [*parts[1::2], ""]
    return " ".join(word for pair in zip(plain, literals, strict=True) for word in pair if word)


def _body(old: Inputs, new: Resource) -> Iterator[str]:
    for key in ("body", "arguments", "returnDataType", "exemptOtherPolicies"):
        before, after = old.get(key), new.props.get(key)
        if key == "body":
            # Nothing shows less than nothing: NULL for a mask, FALSE for rows.
            if after is not UNKNOWN and meaning(after) in ("null", "false"):
                return
            differs = after is UNKNOWN or meaning(before) != meaning(after)
        else:
            differs = is_set(before) and after is not UNKNOWN and _plain(before) != _plain(after)
        if differs:
            yield f"its {key} is another one: whether it shows more, only asking as each role tells (logistics review)"


def _plain(value: Any) -> Any:
    """Returns a value as the engine and the state both have it: without the SDK's marks, numbers and flags as their text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not str(key).startswith("__")}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value if value is UNKNOWN else str(value)


def _tag(old: Inputs, new: Resource) -> Iterator[str]:
    after = new.props.get("maskingPolicies")
    lost = len(listed(old.get("maskingPolicies"))) - len(listed(after))
    if after is not UNKNOWN and lost > 0:
        yield f"{lost} of its masking policies are taken off"


def _association(old: Inputs, new: Resource) -> Iterator[str]:
    after = new.props.get("objectIdentifiers")
    if after is UNKNOWN or any(each is UNKNOWN for each in listed(after)):
        return
    kept = {unquoted(str(each)) for each in listed(after)}
    lost = sorted(
        unquoted(str(each)) for each in listed(old.get("objectIdentifiers")) if unquoted(str(each)) not in kept
    )
    if lost:
        yield f"the tag is taken off {', '.join(lost)}"


def _networks(value: Any) -> list[Any]:
    found = []
    for each in listed(value):
        try:
            found.append(ipaddress.ip_network(str(each), strict=False))
        except ValueError:
            continue
    return found


def _network(old: Inputs, new: Resource) -> Iterator[str]:
    if new.props.get("allowedIpLists") is UNKNOWN:
        return
    before, after = _networks(old.get("allowedIpLists")), _networks(new.props.get("allowedIpLists"))
    wider = [net for net in after if not any(net.version == was.version and net.subnet_of(was) for was in before)]
    if before and (wider or not after):
        yield f"it also allows {', '.join(map(str, wider)) or 'every address'}"
    blocked = set(map(str, listed(old.get("blockedIpLists")))) - set(map(str, listed(new.props.get("blockedIpLists"))))
    if blocked:
        yield f"it blocks {', '.join(sorted(blocked))} no more"


def _authentication(old: Inputs, new: Resource) -> Iterator[str]:
    before, after = old.get("authenticationMethods"), new.props.get("authenticationMethods")
    more = sorted(set(map(str, listed(after))) - set(map(str, listed(before))))
    if after is not UNKNOWN and is_set(before) and (more or not listed(after)):
        yield f"it also allows {', '.join(more) or 'every method'}"


_LEAST = (
    "minLength",
    "minUpperCaseChars",
    "minLowerCaseChars",
    "minNumericChars",
    "minSpecialChars",
    "history",
    "lockoutTimeMins",
)
_MOST = ("maxRetries", "maxAgeDays")


def _password(old: Inputs, new: Resource) -> Iterator[str]:
    for keys, sign in ((_LEAST, 1), (_MOST, -1)):
        for key in keys:
            before, after = number(old.get(key)), number(new.props.get(key))
            if before is not None and after is not None and before >= 0 and (after - before) * sign < 0:
                yield f"{key} is {after} and was {before}"


def _columns(old: Inputs, new: Resource) -> Iterator[tuple[str, str]]:
    after = {str(column.get("name")): column.get("maskingPolicy") for column in listed(new.props.get("columns"))}
    for column in listed(old.get("columns")):
        name, before = str(column.get("name")), column.get("maskingPolicy")
        if not is_set(before) or name not in after:
            continue
        if not is_set(after[name]):
            yield name, f"{name} had the masking policy {before} and has none"
        elif after[name] is UNKNOWN or unquoted(str(after[name])) != unquoted(str(before)):
            yield name, f"{name} had the masking policy {before} and gets another one"


def _schema(old: Inputs, new: Resource) -> Iterator[str]:
    if str(old.get("withManagedAccess")).lower() == "true" != str(new.props.get("withManagedAccess")).lower():
        yield "it is managed no more: owners of objects may grant them on"


def _user(old: Inputs, new: Resource) -> Iterator[str]:
    if is_set(old.get("networkPolicy")) and not is_set(new.props.get("networkPolicy")):
        yield f"it is no longer bound to the network policy {old['networkPolicy']}"


def _statement(old: Inputs, new: Resource) -> Iterator[str]:
    before, after = str(old.get("execute", "")), new.props.get("execute")
    # What is not known yet is made from the same table and policy again, under another id.
    if attaches(before) and after is not UNKNOWN and meaning(before) != meaning(after):
        yield f"it said {before!r} and says something else"


_CHANGES: Mapping[str, Callable[[Inputs, Resource], Iterator[str]]] = {
    "MaskingPolicy": _body,
    "RowAccessPolicy": _body,
    "Tag": _tag,
    "TagAssociation": _association,
    "NetworkPolicy": _network,
    "AuthenticationPolicy": _authentication,
    "PasswordPolicy": _password,
    "Schema": _schema,
    "User": _user,
    "Execute": _statement,
}
_PROTECTS = frozenset(
    {
        "AggregationPolicy",
        "AuthenticationPolicy",
        "MaskingPolicy",
        "NetworkPolicy",
        "NetworkPolicyAttachment",
        "NetworkRule",
        "PasswordPolicy",
        "ProjectionPolicy",
        "RowAccessPolicy",
        "SessionPolicy",
        "TableColumnMaskingPolicyApplication",
        "Tag",
        "TagAssociation",
        "UserAuthenticationPolicyAttachment",
        "UserPasswordPolicyAttachment",
    }
)
"""What protects by being there."""


def weakenings(before: Iterable[Mapping[str, Any]], after: list[Resource]) -> Iterator[Weakening]:
    """Yields every protection that is less than before.

    Args:
        before: type, name and inputs of the resources before.
        after: the resources as they are declared now.
    """
    now = {(resource.kind, resource.name): resource for resource in after}
    users = {user.label.upper() for user in of_kind(after, "User")}
    tables = {table.full_name for table in of_kind(after, "Table")}
    for old in before:
        kind, name, inputs = str(old["type"]).rsplit(":", 1)[-1], str(old["name"]), old.get("inputs") or {}
        new = now.get((kind, name))
        if new is None:
            if _is_missed(kind, inputs, tables, users):
                yield Weakening(name=name, message=f"{kind} {name} is gone: what it protected is open")
            continue
        for said in _CHANGES[kind](inputs, new) if kind in _CHANGES else ():
            yield Weakening(name=name, message=f"{kind} {name}: {said}", urn=new.urn)
        for column, said in _columns(inputs, new) if kind == "Table" else ():
            yield Weakening(name=f"{name}.{column.lower()}", message=f"{new.full_name}: {said}", urn=new.urn)


def _is_missed(kind: str, inputs: Inputs, tables: set[str], users: set[str]) -> bool:
    """Tells whether a resource that is gone protected something that is still there."""
    if kind != "Execute":
        return kind in _PROTECTS
    statement = str(inputs.get("execute", ""))
    if not attaches(statement):
        return False
    words = {unquoted(word) for word in statement.split()}
    return bool(words & (tables | users)) or not words & {"TABLE", "USER"}


def _read(path: str) -> list[Mapping[str, Any]]:
    return json.loads(Path(path).read_text(encoding="utf-8"))["resources"]


def _not_weakened(resources: list[Resource], config: Config) -> Iterator[Violation]:
    if not config["before"]:
        return
    approved = {str(name).lower() for name in config["approved"]}
    for found in weakenings(_read(config["before"]), resources):
        if found.name.lower() not in approved:
            yield Violation(
                message=f"{found.message}. If that is meant, approve it by its name: {found.name}", urn=found.urn
            )


def _approvals_used(resources: list[Resource], config: Config) -> Iterator[Violation]:
    if not config["before"]:
        yield Violation(
            message="not compared: the state before was not given; `make preview` and `logistics deploy` give it"
        )
        return
    found = {each.name.lower() for each in weakenings(_read(config["before"]), resources)}
    for name in config["approved"]:
        if str(name).lower() not in found:
            yield Violation(
                message=f"the approval of {name} fits nothing in this change: take it out, so that it allows nothing later"
            )


_BEFORE = {
    "before": {"type": "string", "default": ""},
    "approved": {"type": "array", "items": {"type": "string"}, "default": []},
}

RULES = (
    Rule(
        name="protection-not-weakened",
        what="No mask, row access policy, tag, login policy or managed schema protects less than in the state before.",
        why="One changed line can open a table to everybody, and looks like any other.",
        mend="Take the change back, or approve it by name: logistics:approvedWeakenings in the stack file, in the same pull request.",
        check_stack=_not_weakened,
        schema=_BEFORE,
        severity="critical",
    ),
    Rule(
        name="approvals-are-current",
        what="The state before was compared, and every approval in the stack file fits something that this change does.",
        why="An approval that stays behind allows the next weakening without a word.",
        mend="Take the name out of logistics:approvedWeakenings; preview by make preview, which hands the state before over.",
        check_stack=_approvals_used,
        schema=_BEFORE,
        severity="medium",
        advisory=True,
    ),
)
