"""What the program is run with: the stack's settings and the platform's declarations, checked before any resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from logistics.dashboard.bundle import version as dashboard_version
from logistics.declarations import Declarations, load_declarations
from logistics.errors import LogisticsError
from logistics.settings import PlatformSettings, settings_from

_PROVIDER = "snowflake:"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Settings of the stack and the role that deploys it, everything declared in sql/, the plugin's configuration, and the version of
    the dashboard's files.
    """

    settings: PlatformSettings
    deployer: str
    declarations: Declarations
    provider: Mapping[str, pulumi.Input[str]]
    dashboard_version: str


def load_inputs(root: Path) -> Inputs:
    """Reads and checks the stack's configuration and every file of sql/.

    Raises:
        pulumi.RunError: something is wrong; the message names the file, and no resource was registered.
    """
    with _as_run_error():
        config = _all_config()
        secret = frozenset(key for key in config if runtime_config.is_config_secret(key))
        settings = settings_from(config, pulumi.get_stack(), secret)
        declarations = load_declarations(root, settings)
        return Inputs(
            settings=settings.platform,
            deployer=settings.account.role,
            declarations=declarations,
            provider=_provider_config(config, secret),
            dashboard_version=dashboard_version(root, settings.platform, declarations),
        )


def _provider_config(config: Mapping[str, Any], secret: Iterable[str]) -> dict[str, pulumi.Input[str]]:
    """Returns the stack's `snowflake:` keys, for a provider of the program's own: it inherits none of them."""
    return {
        key.removeprefix(_PROVIDER): pulumi.Output.secret(value) if key in secret else value
        for key, value in config.items()
        if key.startswith(_PROVIDER)
    }


def _all_config() -> dict[str, Any]:
    """Returns the stack's whole configuration; Pulumi's own `Config` cannot list its keys."""
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


@contextmanager
def _as_run_error() -> Iterator[None]:
    """Lets Pulumi print an error of the platform as one message, without a traceback."""
    try:
        yield
    except LogisticsError as error:
        raise pulumi.RunError(str(error)) from None
