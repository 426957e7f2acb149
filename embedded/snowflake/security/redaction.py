"""Secrets taken out of a statement's text before it is recorded anywhere."""

from __future__ import annotations

import re

_STATEMENTS = re.compile(r"\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*(?:CREATE|ALTER|COPY)\b", re.IGNORECASE | re.DOTALL)
_SECRETS = re.compile(
    r"\b(PASSWORD|SECRET_STRING|OAUTH_REFRESH_TOKEN|OAUTH_CLIENT_SECRET|AWS_KEY_ID|AWS_SECRET_KEY|AWS_TOKEN|AZURE_SAS_TOKEN"
    r"|MASTER_KEY|API_KEY)(\s*=\s*)(?:'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$)",
    re.IGNORECASE | re.DOTALL,
)


def redact(text: str) -> str:
    """The text with the values of secret properties (PASSWORD = 'x') as stars; only what can set one is changed."""
    return _SECRETS.sub(r"\1\2'****'", text) if _STATEMENTS.match(text) else text
