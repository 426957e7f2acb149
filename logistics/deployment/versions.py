"""The versions of a stack: what its backend kept of each update, and the checkpoint to go back to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from logistics.deployment.state import Checkpoint
from logistics.errors import UsageError

SUCCEEDED = "succeeded"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One update of a stack.

    Attributes:
        number: 1 for the oldest that the backend keeps.
        kind: update, refresh, destroy, import, rename or resource-import.
        result: succeeded, failed or in-progress.
        changes: resources by operation, such as `{"create": 3, "same": 165}`.
        message: what was said of it.
        author: who did it, as git knew them; empty if nobody did.
        git_revision: the code's commit; empty outside of a repository.
        git_dirty: whether the code had changes that no commit holds.
        ended_at: when it ended, in UTC.
    """

    number: int
    kind: str
    result: str
    message: str
    author: str
    git_revision: str
    git_dirty: bool
    ended_at: datetime
    changes: Mapping[str, int] = field(default_factory=dict)
    _load: Callable[[], Checkpoint] = field(repr=False, compare=False)
    _load_plain: Callable[[], Checkpoint] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def told(
        cls,
        number: int,
        told: Mapping[str, Any],
        ended_at: datetime,
        *,
        load: Callable[[], Checkpoint],
        load_plain: Callable[[], Checkpoint] | None = None,
    ) -> Version:
        """Returns the version that an entry of a history tells of.

        Args:
            number: its number.
            told: the entry, as the backend's files and `pulumi stack history --json` have it alike.
            ended_at: when it ended, in UTC.
            load: gives its checkpoint, secrets encrypted.
            load_plain: gives it with plain secrets, where the backend itself opens them.
        """
        environment = told.get("environment") or {}
        return cls(
            number=number,
            kind=told.get("kind", ""),
            result=told.get("result", ""),
            message=told.get("message", ""),
            author=environment.get("git.author", ""),
            git_revision=environment.get("git.head", ""),
            git_dirty=environment.get("git.dirty") == "true",
            ended_at=ended_at,
            changes=told.get("resourceChanges") or {},
            _load=load,
            _load_plain=load_plain,
        )

    @property
    def succeeded(self) -> bool:
        """Whether it went to its end."""
        return self.result == SUCCEEDED

    def checkpoint(self) -> Checkpoint:
        """Returns the state right after it, secrets encrypted.

        Raises:
            LogisticsError: the backend holds none, or it cannot be read.
        """
        return self._load()

    def plain_checkpoint(self, opened: Callable[[Checkpoint], Checkpoint]) -> Checkpoint:
        """Returns the state right after it, secrets plain; never to be written to disk.

        Args:
            opened: opens the secrets of a checkpoint, for a backend that does not open them itself.

        Raises:
            LogisticsError: as `checkpoint`; or the secrets cannot be opened.
        """
        return self._load_plain() if self._load_plain else opened(self._load())


def pick(versions: list[Version], wanted: int | None, unfit: Collection[int] = ()) -> Version:
    """Returns the version to go back to.

    Args:
        versions: oldest first.
        wanted: its number; None for the last good one: the newest that succeeded before the latest.
        unfit: the numbers of those that only a number picks.

    Raises:
        UsageError: there is none.
    """
    if wanted is not None:
        found = next((version for version in versions if version.number == wanted), None)
        if found is None:
            numbers = f"1 to {versions[-1].number}" if versions else "none"
            raise UsageError(f"there is no version {wanted}: the history holds {numbers}")
        return found
    good = [
        version
        for version in versions[:-1]
        if version.succeeded and version.kind in ("update", "refresh", "import") and version.number not in unfit
    ]
    if not good:
        raise UsageError("there is no good version before the latest: nothing to go back to")
    return good[-1]
