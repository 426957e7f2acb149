"""The provider's errors.

ProviderError
├── ConfigurationError    the provider's configuration is missing or contradicts itself
├── ConnectionFailed      no session: unknown host, refused login
├── StatementError        Snowflake refused a statement
├── UnsupportedError      a resource type, function or value that this provider does not support
├── PreviewFeatureError   a preview resource without its entry in previewFeaturesEnabled
└── CancelledError        the run was cancelled or ran out of time
"""

import re


class ProviderError(Exception):
    """An error whose message can be shown as it is: what failed, which object, what to do next."""


class ConfigurationError(ProviderError):
    """The provider's configuration is missing or contradicts itself."""


class ConnectionFailed(ProviderError):
    """No session could be opened."""


class UnsupportedError(ProviderError):
    """A resource type, function or value that this provider does not support."""


class PreviewFeatureError(ProviderError):
    """A preview resource is used without being enabled."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"{feature} is currently a preview feature, and must be enabled by adding {feature} to "
            "previewFeaturesEnabled in the provider configuration"
        )


class CancelledError(ProviderError):
    """The run was cancelled or ran out of time."""


_EXISTS = 2002
_MISSING = (
    "does not exist or not authorized",
    "Object does not exist, or operation cannot be performed",
)
_HEAD = re.compile(
    r"\s*((?:CREATE|ALTER|DROP|SHOW|DESCRIBE|GRANT|REVOKE|SELECT|USE|COMMENT|INSERT|UPDATE|DELETE|MERGE|CALL)\b"
    r"(?:\s+(?!IF\b|LIKE\b|IN\b|ON\b|TO\b|SET\b|FROM\b|AS\b)[A-Z]+\b)*)"
)
_OBJECT = re.compile(r'((?:"(?:[^"]|"")*"|\w+)(?:\.(?:"(?:[^"]|"")*"|\w+)){0,2})')


class StatementError(ProviderError):
    """Snowflake refused a statement.

    ``errno`` and ``sqlstate`` are Snowflake's; ``statement`` is the kind (``CREATE TABLE``), never the whole text, since
    that may hold a secret.
    """

    def __init__(self, errno: int, sqlstate: str, message: str, sql: str) -> None:
        self.errno = errno
        self.sqlstate = sqlstate
        self.reason = message
        self.statement, self.object = summary(sql)
        where = f"{self.statement} {self.object}".strip()
        super().__init__(f"{errno:06d} ({sqlstate}): {message} [{where}]")

    @property
    def missing(self) -> bool:
        """Whether the object does not exist (or is not visible to the role)."""
        return any(text in self.reason for text in _MISSING)

    @property
    def exists(self) -> bool:
        """Whether an object of that name is there already."""
        return self.errno == _EXISTS


def summary(sql: str) -> tuple[str, str]:
    """Return the kind of a statement and the object it is about, both without any value."""
    found = _HEAD.match(sql)
    if not found:
        return sql.split(None, 1)[0].upper() if sql.split() else "", ""
    head = " ".join(found.group(1).split())
    rest = sql[found.end() :]
    if head.split()[0] in ("GRANT", "REVOKE", "SHOW"):  # these carry names only, never a value
        return head, " ".join(rest.split())[:200]
    name = _OBJECT.match(re.sub(r"^\s*(IF (NOT )?EXISTS)\s+", "", rest).lstrip())
    return head, name.group(1) if name and head.split()[0] in ("CREATE", "ALTER", "DROP", "DESCRIBE") else ""
