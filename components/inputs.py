"""What the program is run with: the stack's settings and the platform's declarations, checked before any resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from logistics.declarations import Declarations, load_declarations
from logistics.errors import LogisticsError
from logistics.settings import PlatformSettings, settings_from


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Settings of the stack and everything declared in sql/."""

    settings: PlatformSettings
    declarations: Declarations


def load_inputs(root: Path) -> Inputs:
    """Reads and checks the stack's configuration and every file of sql/.

    Raises:
        pulumi.RunError: something is wrong; the message names the file, and no resource was registered.
    """
    with _as_run_error():
        config = _all_config()
        secret = frozenset(key for key in config if runtime_config.is_config_secret(key))
        settings = settings_from(config, pulumi.get_stack(), secret)
        return Inputs(settings=settings.platform, declarations=load_declarations(root, settings))


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
