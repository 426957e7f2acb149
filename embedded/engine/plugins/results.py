"""What provider plugins answer, and how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedded.engine.errors import ResourceError
from embedded.engine.values import Properties

PropertyDiffKind = str
"""add, delete or update, or one of those with `-replace`."""


class ProviderError(ResourceError):
    """A provider refused or failed a call; the message is the provider's own."""


class PluginGoneError(ProviderError):
    """The plugin ended in the midst of a call, or answered what cannot be read: whether it was carried out is not known."""


class InitError(ProviderError):
    """The resource exists, but did not come up as asked: the state is kept with the reasons."""

    def __init__(
        self, reasons: Sequence[str], id_: str, properties: Properties, inputs: Properties | None = None
    ) -> None:
        lines = "".join(f"\n\t* {reason}" for reason in reasons)
        super().__init__(f"{len(reasons)} error{'s' if len(reasons) != 1 else ''} occurred:{lines}")
        self.reasons = list(reasons)
        self.id = id_
        self.properties = properties
        self.inputs = inputs


@dataclass(frozen=True)
class CheckFailure:
    """One input that a provider refuses."""

    property: str
    reason: str


@dataclass(frozen=True)
class CheckResult:
    """The inputs with their defaults, and what is wrong with them."""

    inputs: Properties
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True)
class DiffResult:
    """What a provider says of two versions of a resource; `changes` is none, some or unknown.

    `detailed` maps property paths to (kind, is it a difference of inputs); None if the provider gives no such detail.
    """

    changes: str = "unknown"
    replace_keys: tuple[str, ...] = ()
    stable_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    delete_before_replace: bool = False
    detailed: dict[str, tuple[PropertyDiffKind, bool]] | None = None

    @property
    def replaces(self) -> bool:
        """Whether the difference needs a replacement."""
        return bool(self.replace_keys)


@dataclass(frozen=True)
class CreateResult:
    """The id and the outputs of what was made."""

    id: str
    outputs: Properties
    refresh_before_update: bool = False


@dataclass(frozen=True)
class ReadResult:
    """What a resource is; `outputs` is None if it is gone, `inputs` None if the provider cannot tell them."""

    id: str
    outputs: Properties | None
    inputs: Properties | None


@dataclass(frozen=True)
class InvokeResult:
    """A function's answer."""

    values: Properties
    failures: tuple[CheckFailure, ...] = ()
