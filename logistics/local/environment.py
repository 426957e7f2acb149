"""The environment in which Pulumi and the connector work on a stack."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from logistics.connection import NO_PLATFORM_DETECTION
from logistics.errors import ConnectionFailed
from logistics.local import server
from logistics.local.secrets import admin_password, passphrase_file, user_public_key
from logistics.project import local_folder
from logistics.settings import StackSettings

PASSWORD_VARIABLE = "SNOWFLAKE_PASSWORD"
USER_KEY_VARIABLE = "LOGISTICS_LOCAL_USER_PUBLIC_KEY"


def environment(root: Path, settings: StackSettings, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the variables to set for a stack, on top of those that are given.

    Pulumi's own (backend, passphrase, home) lead to `.local` unless they are given; Snowflake's lead a stack of the
    organization LOCAL to the local Snowflake, and are left alone for a real account.

    Raises:
        ConnectionFailed: the stack is local and the local Snowflake does not run.
    """
    variables = pulumi_variables(root, given)
    if settings.account.is_local:
        variables |= _local_variables(root)
    return variables


def pulumi_variables(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Returns Pulumi's own variables: backend, home and passphrase in `.local`, unless they are given."""
    folder = local_folder(root)
    variables = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if "PULUMI_BACKEND_URL" not in given:
        (folder / "state").mkdir(exist_ok=True)
        variables["PULUMI_BACKEND_URL"] = f"file://{folder / 'state'}"
    if "PULUMI_HOME" not in given:
        variables["PULUMI_HOME"] = str(folder / "pulumi")
    if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(given):
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase_file(root))
    return variables


def _local_variables(root: Path) -> dict[str, str]:
    running = server.find(root)
    if running is None:
        raise ConnectionFailed("the local Snowflake does not run: start it with `logistics local start`")
    return {
        "SNOWFLAKE_HOST": server.HOST,
        "SNOWFLAKE_PORT": str(running.port),
        "SNOWFLAKE_PROTOCOL": "http",
        NO_PLATFORM_DETECTION: "true",
        PASSWORD_VARIABLE: admin_password(root),
        USER_KEY_VARIABLE: user_public_key(root),
    }


def path_with_engine(root: Path, engine: str, path: str) -> str:
    """Returns PATH so that `pulumi` is the engine that was asked for."""
    return os.pathsep.join([str(root / "embedded" / "bin"), path]) if engine == "embedded" else path


def shell_lines(root: Path, variables: Mapping[str, str], engine: str = "embedded") -> list[str]:
    """Returns `export` lines for a shell; the password is read from its file by the shell, never printed."""
    lines = [f"export {name}={_shell_quoted(value)}" for name, value in variables.items() if name != PASSWORD_VARIABLE]
    if PASSWORD_VARIABLE in variables:
        lines.append(f'export {PASSWORD_VARIABLE}="$(cat {_shell_quoted(str(local_folder(root) / "admin-password"))})"')
    if engine == "embedded":
        lines.append(f'export PATH={_shell_quoted(path_with_engine(root, engine, ""))}"$PATH"')
    return lines


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
