"""Resource plugins: found, started, spoken to over gRPC, and stopped."""

from embedded.engine.plugins.client import ProviderClient
from embedded.engine.plugins.host import PluginHost, PluginSource
from embedded.engine.plugins.results import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InitError,
    InvokeResult,
    PropertyDiffKind,
    ProviderError,
    ReadResult,
)

__all__ = [
    "CheckFailure",
    "CheckResult",
    "CreateResult",
    "DiffResult",
    "InitError",
    "InvokeResult",
    "PluginHost",
    "PluginSource",
    "PropertyDiffKind",
    "ProviderClient",
    "ProviderError",
    "ReadResult",
]
