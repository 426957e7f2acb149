"""`pulumi config`: the listing, get, set, set-all, rm, rm-all, cp and refresh."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded.engine import config as configuration
from embedded.engine.backend.recovery import current_checkpoint
from embedded.engine.backend.references import StackReference
from embedded.engine.cli import terminal
from embedded.engine.cli.command import CONFIG_FILE_FLAG, JSON_FLAG, SHOW_SECRETS_FLAG, STACK_FLAG, Call, command
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.session import Session
from embedded.engine.config import PathPart, Secure, sorted_keys
from embedded.engine.errors import EngineError
from embedded.engine.stackfile import StackFile

_PATH_FLAG = Flag("path", "The key contains a path to a property in a map or list")
_FLAGS = (STACK_FLAG, CONFIG_FILE_FLAG)
_OPEN_FLAG = Flag("open", "Open the stack's environment; a file backend has none", hidden=True)


def _opened(call: Call) -> tuple[StackReference, StackFile]:
    """The stack of a command line, and its configuration file."""
    _ = call.session.project
    reference = call.session.require_stack(call.flags["stack"])
    return reference, call.session.stack_file(reference, call.flags["config_file"])


def _manager_decrypt(call: Call, reference: StackReference, file: StackFile) -> Callable[[str], str]:
    session = call.session
    return session.config_manager(file, lambda: session.backend.checkpoint(reference)).decrypt


def _key_and_path(call: Call, text: str, is_path: bool) -> tuple[str, list[PathPart]]:
    project = call.session.project.name
    try:
        return configuration.parse_key_path(text, project) if is_path else (configuration.parse_key(text, project), [])
    except EngineError as error:
        if error.message.startswith("invalid configuration key"):
            raise
        raise EngineError(f"invalid configuration key: {error}") from error


# --- reading ---------------------------------------------------------------------------------------------------------


@command(flags=(*_FLAGS, SHOW_SECRETS_FLAG, JSON_FLAG, _OPEN_FLAG))
def show(call: Call) -> None:
    """Manage configuration

    Lists all configuration values for a specific stack. To add a new configuration value, run `pulumi config set`. To remove an
    existing value run `pulumi config rm`. To get the value of a specific key, use `pulumi config get <key-name>`.
    """
    reference, file = _opened(call)
    project = call.session.project
    values, _ = configuration.with_project_defaults(file.config, project)
    show_secrets = call.flags["show_secrets"]
    has_secrets = any(configuration.is_secret(value) for value in values.values())
    decrypt = _manager_decrypt(call, reference, file) if show_secrets and has_secrets else configuration.mask
    keys = sorted(values, key=lambda key: key.split(":"))
    if call.flags["json"]:
        entries = {}
        for key in keys:
            hidden = configuration.is_secret(values[key]) and not show_secrets
            entries[key] = {"secret": True} if hidden else _entry(values[key], decrypt)
        terminal.out_json(entries)
        return
    rows = [(configuration.pretty_key(key, project.name), configuration.text_of(values[key], decrypt)) for key in keys]
    terminal.out(terminal.table(("KEY", "VALUE"), rows))


def _entry(value: Any, decrypt: Callable[[str], str]) -> dict[str, Any]:
    """A value as --json shows it."""
    entry: dict[str, Any] = {"value": configuration.text_of(value, decrypt)}
    if configuration.is_object(value):
        plain = configuration.plain(value, decrypt)
        if plain is not None:
            entry["objectValue"] = sorted_keys(plain)
    entry["secret"] = configuration.is_secret(value)
    return entry


@command("<key>", minimum=1, maximum=1, flags=(*_FLAGS, JSON_FLAG, _PATH_FLAG, _OPEN_FLAG))
def get(call: Call) -> None:
    """Get a single configuration value

    The `--path` flag can be used to get a value inside a map or list:

      - `pulumi config get --path outer.inner` will get the value of the `inner` key, if the value of `outer` is a map
        `inner: value`.
      - `pulumi config get --path 'names[0]'` will get the value of the first item, if the value of `names` is a list.
    """
    reference, file = _opened(call)
    key, path = _key_and_path(call, call.argument(0), call.flags["path"])
    values, _ = configuration.with_project_defaults(file.config, call.session.project)
    found = key in values
    value, found = configuration.get_path(values[key], path) if found else (None, False)
    if not found:
        name = configuration.pretty_key(call.argument(0) if path else key, call.session.project.name)
        raise EngineError(f"configuration key '{name}' not found for stack '{call.session.show_name(reference)}'")
    decrypt = _manager_decrypt(call, reference, file) if configuration.is_secret(value) else configuration.mask
    if call.flags["json"]:
        terminal.out_json(_entry(value, decrypt))
    else:
        terminal.out(configuration.text_of(value, decrypt))


# --- writing ---------------------------------------------------------------------------------------------------------


@command(
    "<key> [value]",
    minimum=1,
    maximum=2,
    flags=(
        *_FLAGS,
        _PATH_FLAG,
        Flag("plaintext", "Save the value as plaintext (unencrypted)"),
        Flag("secret", "Encrypt the value instead of storing it in plaintext"),
        Flag(
            "type",
            "Save the value as the given type. Allowed values are string, bool, int, and float",
            "string",
            default="",
        ),
        Flag("raw", "Keep a trailing newline of a value read from standard input"),
    ),
)
def set_value(call: Call) -> None:
    """Set configuration value

    Configuration values can be accessed when a stack is being deployed and used to configure behavior. If a value is not
    present on the command line, it is read from standard input. Multi-line values may be set by piping a file to it.

    The `--path` flag can be used to set a value inside a map or list:

      - `pulumi config set --path 'names[0]' a` will set the value to a list with the first item `a`.
      - `pulumi config set --path parent.nested value` will set the value of `parent` to a map `nested: value`.
      - `pulumi config set --path '["parent.name"]["nested.name"]' value` will set the value of `parent.name` to a map.
    """
    flags = call.flags
    chosen = [name for name in ("plaintext", "secret", "type") if flags[name]]
    if len(chosen) > 1:
        raise EngineError(
            f"if any flags in the group [secret plaintext type] are set none of the others can be; [{' '.join(chosen)}] were all set"
        )
    reference, file = _opened(call)
    key, path = _key_and_path(call, call.argument(0), flags["path"])
    text = call.arguments[1] if len(call.arguments) == 2 else _read_value(call)
    if flags["secret"]:
        value: Any = Secure(_encrypt(call, reference, file, text))
    elif flags["type"]:
        value = configuration.typed(text, flags["type"])
    else:
        if not flags["plaintext"] and configuration.looks_like_secret(key, text):
            raise EngineError(
                f"config value for '{key}' looks like a secret; rerun with --secret to encrypt it, or --plaintext if you meant "
                "to store in plaintext"
            )
        value = configuration.coerce(text) if path else text
    configuration.set_path(file.config, key, path, value)
    file.save()


def _read_value(call: Call) -> str:
    if not sys.stdin.isatty():
        text = sys.stdin.read()
        return text if call.flags["raw"] else text.removesuffix("\n").removesuffix("\r")
    if not call.session.interactive:
        raise EngineError("config value must be specified in non-interactive mode")
    if call.flags["secret"]:
        import getpass

        return getpass.getpass("value: ")
    return input("value: ")


def _encrypt(call: Call, reference: StackReference, file: StackFile, text: str) -> str:
    session = call.session
    return session.config_manager(file, lambda: session.backend.checkpoint(reference)).encrypt(text)


@command(
    flags=(
        *_FLAGS,
        _PATH_FLAG,
        Flag("plaintext", "Marks a value as plaintext (unencrypted): KEY=VALUE", "strings"),
        Flag("secret", "Marks a value as secret to be encrypted: KEY=VALUE", "strings"),
        Flag(
            "json",
            "Read values from a JSON string in the format produced by 'pulumi config --json'",
            "string",
            default="",
        ),
    ),
    maximum=0,
)
def set_all(call: Call) -> None:
    """Set multiple configuration values

    Each key-value pair must be preceded by either the `--secret` or the `--plaintext` flag to denote whether it should be
    encrypted:

      - `pulumi config set-all --secret key1=value1 --plaintext key2=value --secret key3=value3`
    """
    flags = call.flags
    if flags["json"] and (flags["plaintext"] or flags["secret"] or flags["path"]):
        raise EngineError("the --json option cannot be used with the --plaintext, --secret or --path options")
    reference, file = _opened(call)
    for item in flags["plaintext"]:
        key, path, text = _pair(call, item)
        configuration.set_path(file.config, key, path, configuration.coerce(text) if path else text)
    for item in flags["secret"]:
        key, path, text = _pair(call, item)
        configuration.set_path(file.config, key, path, Secure(_encrypt(call, reference, file, text)))
    if flags["json"]:
        _set_json(call, reference, file)
    file.save()


def _pair(call: Call, item: str) -> tuple[str, list[PathPart], str]:
    name, separator, text = item.partition("=")
    if not separator:
        raise EngineError("config value must be in the form [key]=[value]")
    key, path = _key_and_path(call, name, call.flags["path"])
    return key, path, text


def _set_json(call: Call, reference: StackReference, file: StackFile) -> None:
    try:
        entries = json.loads(call.flags["json"])
        items = [
            (name, entry.get("value"), entry.get("objectValue"), entry.get("secret")) for name, entry in entries.items()
        ]
    except (ValueError, AttributeError) as error:
        raise EngineError(f"could not parse --json argument: {error}") from error
    for name, text, plain, secret in items:
        if text is None:
            raise EngineError(f'value for --json object key "{name}" is nil')
        try:
            key = configuration.parse_key(name, call.session.project.name)
        except EngineError as error:
            raise EngineError(f'invalid --json object key "{name}": {error}') from error
        if secret:
            # A secret object is one ciphertext of its JSON text: the envelope has no place for structure.
            value: Any = Secure(_encrypt(call, reference, file, text))
        else:
            value = text if plain is None else plain
        configuration.set_path(file.config, key, [], value)


@command("<key>", minimum=1, maximum=1, flags=(*_FLAGS, _PATH_FLAG))
def remove(call: Call) -> None:
    """Remove configuration value

    The `--path` flag can be used to remove a value inside a map or list.
    """
    _remove(call, call.arguments)


@command("[key1] [key2] [key3]...", maximum=None, flags=(*_FLAGS, _PATH_FLAG))
def remove_all(call: Call) -> None:
    """Remove multiple configuration values

    The `--path` flag indicates that keys should be parsed within maps or lists.
    """
    _remove(call, call.arguments)


def _remove(call: Call, keys: list[str]) -> None:
    _, file = _opened(call)
    for text in keys:
        key, path = _key_and_path(call, text, call.flags["path"])
        configuration.remove_path(file.config, key, path)
    file.save()


# --- copying and restoring -------------------------------------------------------------------------------------------


@command(
    "[key]",
    maximum=1,
    flags=(*_FLAGS, _PATH_FLAG, Flag("dest", "The name of the new stack to copy the config to", "string", "d", "")),
)
def copy(call: Call) -> None:
    """Copy config to another stack

    Copies the config from the current stack to the destination stack. If `key` is omitted, then all of the config is copied.
    """
    source, file = _opened(call)
    target = call.session.require_stack(call.flags["dest"])
    if source == target:
        raise EngineError("current stack and destination stack are the same")
    target_file = call.session.stack_file(target)
    keys = list(file.config)
    if call.arguments:
        key, path = _key_and_path(call, call.argument(0), call.flags["path"])
        if key not in file.config or not configuration.get_path(file.config[key], path)[1]:
            raise EngineError(
                f"configuration key '{call.argument(0)}' not found for stack '{call.session.show_name(source)}'"
            )
        keys = [key]
    copy_values(call.session, file, target_file, keys)
    target_file.save()


def copy_values(session: Session, source: StackFile, target: StackFile, keys: list[str]) -> None:
    """Copy values from one file to another, secrets encrypted anew under the target's key."""

    def moved(value: Any) -> Any:
        if isinstance(value, Secure):
            return Secure(
                session.config_manager(target).encrypt(session.config_manager(source).decrypt(value.ciphertext))
            )
        if isinstance(value, dict):
            return {key: moved(item) for key, item in value.items()}
        return [moved(item) for item in value] if isinstance(value, list) else value

    for key in keys:
        target.config[key] = moved(source.config[key])


@command(
    flags=(*_FLAGS, Flag("force", "Overwrite configuration file, if it exists, without creating a backup", short="f"))
)
def refresh(call: Call) -> None:
    """Update the local configuration based on the most recent deployment of the stack

    The configuration file gets the values that the last update ran with. A file that is there is kept as a copy, unless --force
    is given.
    """
    session = call.session
    reference, file = _opened(call)
    updates = session.backend.history(reference, page_size=1)
    if not updates:
        raise EngineError("no previous deployment")
    file.config = {key: configuration.decode(value) for key, value in updates[0].config.items()}
    provider = (current_checkpoint(session.backend, reference).deployment or {}).get("secrets_providers") or {}
    salt = (provider.get("state") or {}).get("salt")
    if salt:
        file.encryption_salt = salt
    if file.path.exists() and not call.flags["force"]:
        backup = _free_backup(file.path)
        backup.write_bytes(file.path.read_bytes())
        terminal.out(f"backed up existing configuration file to {backup}")
    file.save()
    terminal.out(f"refreshed configuration for stack '{reference.name}'")


def _free_backup(path: Path) -> Path:
    backup = path.with_name(f"{path.name}.bak")
    while backup.exists():
        backup = backup.with_name(f"{backup.name}.bak")
    return backup
