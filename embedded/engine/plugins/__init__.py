"""Resource plugins: found, started, spoken to over gRPC, and stopped."""

from embedded.engine.plugins.client import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InitError,
    InvokeResult,
    PropertyDiffKind,
    ProviderClient,
    ProviderError,
    ReadResult,
)
from embedded.engine.plugins.host import PluginHost, PluginSource

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
