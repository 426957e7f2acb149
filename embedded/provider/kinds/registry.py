"""Find the description of a resource type by its name."""

import functools
import importlib

from embedded.provider.kinds.kind import Kind

_MODULES = (
    "account",
    "users",
    "grants",
    "tables",
    "views",
    "tasks",
    "policies",
    "security",
    "code",
    "stages",
    "settings",
)


@functools.cache
def kinds() -> dict[str, Kind]:
    """Return all supported resource types by name."""
    modules = (importlib.import_module(f"embedded.provider.kinds.{name}") for name in _MODULES)
    return {kind.name: kind for module in modules for kind in module.KINDS}


def kind_of(name: str) -> Kind | None:
    """Return the description of a resource type, None when it is not supported."""
    return kinds().get(name)
