"""URNs: `urn:pulumi:STACK::PROJECT::[PARENT-TYPE$…$]TYPE::NAME`, kept as plain strings.

The name is the last part and may hold anything, `::` too, so a URN is split at its first three `::`.
A provider reference is a provider's URN, `::` and its id, split at the last `::`.

Source: sdk/go/common/resource/urn of Pulumi, and checkpoints of the official CLI 3.260.0.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from embedded.engine.errors import EngineError

PREFIX = "urn:pulumi:"
ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"
UNKNOWN_PROVIDER_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
DENY_DEFAULT_PROVIDER = "denydefaultprovider"
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")


class Urn(NamedTuple):
    """The four parts of a URN; `qualified_type` holds the parents' types too."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"{PREFIX}{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


@lru_cache(maxsize=65536)
def parse(urn: str) -> Urn:
    """Split a URN into its parts.

    Raises:
        EngineError: The text is no URN.
    """
    parts = urn[len(PREFIX) :].split("::", 3) if urn.startswith(PREFIX) else ()
    if len(parts) != 4:
        raise EngineError(f"invalid URN {urn!r}: expected urn:pulumi:STACK::PROJECT::TYPE::NAME")
    return Urn(*parts)


def is_valid(urn: str) -> bool:
    """Whether the text has the shape of a URN."""
    return urn.startswith(PREFIX) and urn.count("::") >= 3


def is_qualified_name(name: str) -> bool:
    """Whether a name is made of alphanumerics, `_`, `-` and `.`, in parts between slashes, none of them empty."""
    return _QUALIFIED_NAME.fullmatch(name) is not None


def make(stack: str, project: str, parent_qualified_type: str, type_: str, name: str) -> str:
    """The URN of a resource; a parent that is the stack itself leaves no trace in it."""
    if parent_qualified_type and parent_qualified_type != ROOT_STACK_TYPE:
        type_ = f"{parent_qualified_type}${type_}"
    return f"{PREFIX}{stack}::{project}::{type_}::{name}"


def child(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource below the resource `parent` (a URN, or empty)."""
    return make(stack, project, qualified_type_of(parent) if parent else "", type_, name)


def type_of(urn: str) -> str:
    """The type token of a URN."""
    return parse(urn).type


def qualified_type_of(urn: str) -> str:
    """The type of a URN with its parents' types before it."""
    return parse(urn).qualified_type


def name_of(urn: str) -> str:
    """The resource name of a URN."""
    return parse(urn).name


def package_of(type_: str) -> str:
    """The package of a type token: `tst` of `tst:index:Res`, also of `pulumi:providers:tst`."""
    if type_.startswith(PROVIDER_TYPE_PREFIX):
        return type_[len(PROVIDER_TYPE_PREFIX) :]
    return type_.partition(":")[0]


def is_provider_type(type_: str) -> bool:
    """Whether the type is that of a provider resource."""
    return type_.startswith(PROVIDER_TYPE_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether the URN is that of a default provider (`default` or `default_<version>`)."""
    parts = parse(urn)
    return is_provider_type(parts.qualified_type) and (parts.name == "default" or parts.name.startswith("default_"))


def provider_reference(urn: str, id_: str) -> str:
    """The text by which resources refer to a provider: URN and id."""
    return f"{urn}::{id_}"


def split_provider_reference(reference: str) -> tuple[str, str]:
    """The URN and the id of a provider reference.

    Raises:
        EngineError: The text is no provider reference.
    """
    urn, separator, id_ = reference.rpartition("::")
    if not separator or not is_valid(urn) or not is_provider_type(type_of(urn)):
        raise EngineError(f"invalid provider reference {reference!r}: expected PROVIDER-URN::ID")
    return urn, id_


def with_stack_name(urn: str, stack: str, project: str | None = None) -> str:
    """The same URN in another stack (and project): what a rename of the stack does."""
    parts = parse(urn)
    name = parts.name
    if parts.qualified_type == ROOT_STACK_TYPE:
        name = f"{project or parts.project}-{stack}"
    return str(parts._replace(stack=stack, project=project or parts.project, name=name))
