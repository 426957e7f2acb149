"""Rules of names and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rules.model import UNKNOWN, Config, Resource, Rule

_IDENTIFIER = r"[A-Z_][A-Z0-9_]*"
_NAMES = {
    "Warehouse": r"COMPUTE_WH_[A-Z0-9_]+",
    "View": r"(VW|MV)_[A-Z0-9_]+",
    "MaskingPolicy": r"[A-Z0-9_]+_MASK",
    "RowAccessPolicy": r"[A-Z0-9_]+_POLICY",
    "TableConstraint": r"(PK|FK|UQ)_[A-Z0-9_]+",
}
NAMED = frozenset(
    {
        "AccountRole",
        "AuthenticationPolicy",
        "Database",
        "DynamicTable",
        "NetworkPolicy",
        "PasswordPolicy",
        "ResourceMonitor",
        "Schema",
        "StageInternal",
        "StreamOnTable",
        "Streamlit",
        "Table",
        "Tag",
        "Task",
        *_NAMES,
    }
)
_SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password": r"\bPASSWORD\s*(?:=|=>|:)\s*'[^']+'",
    "a cloud's secret key": r"\bAWS_SECRET_KEY\s*=\s*'[^']+'|\bAKIA[0-9A-Z]{16}\b",
    "a storage token": r"\bAZURE_SAS_TOKEN\s*=\s*'[^']+'|[?&]sig=[A-Za-z0-9%+/=]{20,}",
    "a client secret": r"\b(?:OAUTH_)?CLIENT_SECRET\s*=\s*'[^']+'|\bSECRET_STRING\s*=\s*'[^']+'",
    "a token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^/\s:@']+:[^/\s@']+@",
}
_FOUND = {what: re.compile(pattern, re.IGNORECASE) for what, pattern in _SECRETS.items()}
_HIDDEN_BY_THE_PLUGIN = frozenset(
    {"password", "privateKey", "token", "secretString", "oauthClientSecret", "privateKeyPassphrase"}
)


def _naming(resource: Resource, config: Config) -> Iterator[str]:
    name = resource.props.get("name")
    if name in (None, UNKNOWN):
        return
    if not re.fullmatch(_IDENTIFIER, str(name)):
        yield f"{resource.kind} {name!r} is not upper case of letters, digits and _: it would have to be quoted everywhere"
    pattern = {**_NAMES, **config["patterns"]}.get(resource.kind)
    if pattern and not re.fullmatch(pattern, str(name)):
        yield f"{resource.kind} {name} does not fit {pattern}"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from _texts(each, f"{path}[{place}]")
    elif isinstance(value, str):
        yield path, value


def _secret(resource: Resource, _: Config) -> Iterator[str]:
    for path, text in _texts(dict(resource.props)):
        if path in _HIDDEN_BY_THE_PLUGIN:
            continue  # encrypted in the state and hidden in every output
        yield from (
            f"{resource.name}.{path} holds {what} in plain text" for what, form in _FOUND.items() if form.search(text)
        )


RULES = (
    Rule(
        name="naming",
        what="Names are upper case without quotes, and say the kind where the house has a form for it.",
        why="A quoted name has to be written the same way everywhere; a form tells views from tables and masks from policies.",
        mend="Rename it; a form of one environment stands in policy/environments under naming.patterns.",
        kinds=NAMED,
        check=_naming,
        schema={"patterns": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}},
        severity="low",
    ),
    Rule(
        name="no-plain-secret",
        what="No statement, comment or body holds a password, key or token.",
        why="It would stand in the state, in every preview and in Snowflake's query history.",
        mend="Take it out and change it; hand it over as a secret of the stack file (pulumi config set --secret) or by the environment.",
        kinds=frozenset({"*"}),
        check=_secret,
        severity="critical",
    ),
)
