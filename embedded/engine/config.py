"""A stack's configuration: keys, values with secure parts, property paths, and what the program gets of them.

A value is plain Python (None, bool, int, float, str, list, dict) with `Secure` in place of an encrypted leaf, which the
file writes as `{secure: CIPHERTEXT}`.

Source: sdk/go/common/resource/config of Pulumi.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedded.engine.errors import EngineError
from embedded.engine.jsontext import escaped_dumps
from embedded.engine.project import Project, matches_type

PathPart = str | int
Decrypt = Callable[[str], str]
MASK = "[secret]"
_SECURE_RESERVED = '"secure" key in maps of length 1 are reserved'


@dataclass(frozen=True)
class Secure:
    """An encrypted leaf of a configuration value."""

    ciphertext: str


# --- keys and paths --------------------------------------------------------------------------------------------------


def parse_key(text: str, project: str = "") -> str:
    """A configuration key in full, `namespace:name`; one without a namespace belongs to the project.

    Raises:
        EngineError: The text is no key.
    """
    if ":" not in text and project:
        return f"{project}:{text}"
    parts = text.split(":")
    if len(parts) == 3 and parts[1] == "config" and parts[0] and parts[2]:
        return f"{parts[0]}:{parts[2]}"
    if len(parts) != 2 or not parts[0] or not parts[1]:
        raise EngineError(
            f"could not parse {text} as a configuration key (configuration keys should be of the form `<namespace>:<name>`)"
        )
    return text


def parse_key_path(text: str, project: str) -> tuple[str, list[PathPart]]:
    """A key whose name part is a property path: the key in full, and the path inside its value.

    Raises:
        EngineError: The path is malformed, or begins with no name.
    """
    namespace, separator, path_text = text.partition(":")
    quoted = any(char in namespace for char in '["')
    if not separator or quoted:
        namespace, path_text = project, text
    path = parse_path(path_text)
    if not path:
        raise EngineError("invalid configuration key: empty config key path")
    first, *rest = path
    if not isinstance(first, str):
        raise EngineError("invalid configuration key: first path segment of config key must be a string")
    if not first:
        raise EngineError("invalid configuration key: config key is empty")
    return f"{namespace}:{first}", rest


_PATH_TOKEN = re.compile(r'\.?(?:(?P<name>[^.\["\]]+)|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<index>\d+)\])')


def parse_path(text: str) -> list[PathPart]:
    """A property path: `root.nested`, `root["a.b"]`, `list[0]`.

    Raises:
        EngineError: The path is malformed.
    """
    path: list[PathPart] = []
    position = 0
    while position < len(text):
        match = _PATH_TOKEN.match(text, position)
        if not match or (position == 0 and text.startswith(".")):
            raise EngineError(f"invalid config key path: {text!r} is malformed at {text[position:]!r}")
        if match["index"] is not None:
            path.append(int(match["index"]))
        elif match["quoted"] is not None:
            path.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        else:
            path.append(match["name"])
        position = match.end()
    return path


def pretty_key(key: str, project: str) -> str:
    """The key as listings print it: without the namespace if that is the project's."""
    namespace, _, name = key.partition(":")
    return name if namespace == project else key


# --- values ----------------------------------------------------------------------------------------------------------


def decode(raw: Any) -> Any:
    """A value of the file: `{secure: CIPHERTEXT}` becomes `Secure`, keys become text."""
    if isinstance(raw, dict):
        if len(raw) == 1 and isinstance(raw.get("secure"), str):
            return Secure(raw["secure"])
        return {_key_text(key): decode(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [decode(item) for item in raw]
    return raw


def _key_text(key: Any) -> str:
    return key if isinstance(key, str) else escaped_dumps(key)


def encode(value: Any) -> Any:
    """The value as the file (and history) holds it."""
    if isinstance(value, Secure):
        return {"secure": value.ciphertext}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    return value


def is_secret(value: Any) -> bool:
    """Whether the value is encrypted, or holds something that is."""
    if isinstance(value, dict):
        return any(is_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(is_secret(item) for item in value)
    return isinstance(value, Secure)


def is_object(value: Any) -> bool:
    """Whether the value goes to a program as JSON text: a list, a map, or null."""
    return value is None or isinstance(value, dict | list)


def plain(value: Any, decrypt: Decrypt) -> Any:
    """The value with each secure leaf decrypted."""
    if isinstance(value, Secure):
        return decrypt(value.ciphertext)
    if isinstance(value, dict):
        return {key: plain(item, decrypt) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, decrypt) for item in value]
    return value


def mask(ciphertext: str) -> str:
    """Stands for decryption where secrets are not to be shown."""
    del ciphertext
    return MASK


def text_of(value: Any, decrypt: Decrypt) -> str:
    """The value as programs and listings get it: text as it is, the rest as JSON with sorted keys."""
    result = plain(value, decrypt)
    return result if isinstance(result, str) else escaped_dumps(result)


def coerce(text: str) -> bool | int | str:
    """What `config set --path` stores for a text: true and false, and whole numbers without leading zeros."""
    if text in ("true", "false"):
        return text == "true"
    whole = re.fullmatch(r"[+-]?\d+", text) and not (len(text) > 1 and text[0] == "0")
    if whole and -(2**63) <= int(text) < 2**64:
        return int(text)
    return text


def sorted_keys(value: Any) -> Any:
    """A plain value with the keys of all its maps in order, as Go prints maps."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


_TYPED: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "float": float,
    "bool": lambda text: text.lower() in ("1", "t", "true"),
}


def typed(text: str, kind: str) -> Any:
    """The value of `config set --type KIND`.

    Raises:
        EngineError: An unknown type, or the text is none of that type.
    """
    if kind not in _TYPED:
        raise EngineError(f'invalid type "{kind}"; must be one of string, int, bool, or float')
    try:
        return _TYPED[kind](text)
    except ValueError as error:
        raise EngineError(f"could not set config: {text!r} is no {kind}") from error


_SECRET_NAME = re.compile(r"passwd|pass|password|pwd|secret|token", re.IGNORECASE)
_CHARACTER_CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")


def looks_like_secret(key: str, text: str) -> bool:
    """Whether a plain value is likely a secret set by mistake: a telling name, and a text that looks random."""
    if not _SECRET_NAME.search(key.partition(":")[2]):
        return False
    sample = text[:16]
    classes = sum(bool(re.search(pattern, sample)) for pattern in _CHARACTER_CLASSES)
    digits = sum(char.isdigit() for char in sample)
    return len(sample) >= 12 and len(set(sample)) >= 8 and (classes >= 3 or (classes >= 2 and digits >= 4))


# --- maps ------------------------------------------------------------------------------------------------------------


def get_path(value: Any, path: Sequence[PathPart]) -> tuple[Any, bool]:
    """What stands at a path inside a value, and whether anything does."""
    for part in path:
        in_map = isinstance(value, dict) and isinstance(part, str) and part in value
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if not in_map and not in_list:
            return None, False
        value = value[part]  # pyright: ignore[reportArgumentType,reportCallIssue]
    return value, True


def set_path(config: dict[str, Any], key: str, path: list[PathPart], value: Any) -> None:
    """Put a value at a path inside the value of a key, making maps and lists on the way.

    Raises:
        EngineError: Something on the way is of another kind, an index is out of range, or the result would read as a secret.
    """
    if not path:
        config[key] = value
        return
    root = config.get(key)
    if not isinstance(root, dict | list):
        root = _container(path[0])
    holder: Any = root
    for depth, part in enumerate(path[:-1]):
        child = _child(holder, part, path[:depth])
        if child is None:
            child = _container(path[depth + 1])
            _assign(holder, part, child, path[:depth])
        holder = child
    if isinstance(holder, dict) and not holder and path[-1] == "secure" and isinstance(value, str):
        raise EngineError(f"could not set config: {_SECURE_RESERVED}")
    _assign(holder, path[-1], value, path[:-1])
    config[key] = root


def _container(part: PathPart) -> Any:
    return [None] * (part + 1) if isinstance(part, int) else {}


def _child(holder: Any, part: PathPart, where: list[PathPart]) -> Any:
    _check_kind(holder, part, where)
    return get_path(holder, [part])[0]


def _assign(holder: Any, part: PathPart, value: Any, where: list[PathPart]) -> None:
    _check_kind(holder, part, where)
    if isinstance(holder, dict) or get_path(holder, [part])[1]:
        holder[part] = value
    elif part == len(holder):
        holder.append(value)
    else:
        raise EngineError(f"could not set config: {_path_text([*where, part])}: array index out of range")


def _check_kind(holder: Any, part: PathPart, where: list[PathPart]) -> None:
    if isinstance(holder, dict) and not isinstance(part, str):
        raise EngineError(f"could not set config: {_path_text([*where, part])}: key for a map must be a string")
    if isinstance(holder, list) and not isinstance(part, int):
        raise EngineError(f"could not set config: {_path_text([*where, part])}: key for an array must be an int")
    if not isinstance(holder, dict | list):
        expected = "an array" if isinstance(part, int) else "a map"
        raise EngineError(f"could not set config: {_path_text(where)}: expected {expected}")


def remove_path(config: dict[str, Any], key: str, path: list[PathPart]) -> None:
    """Take away what stands at a path; nothing there is no error.

    Raises:
        EngineError: What is left would read as a secret.
    """
    if not path:
        config.pop(key, None)
        return
    holder, found = get_path(config.get(key), path[:-1])
    if not found or not get_path(holder, path[-1:])[1]:
        return
    rest = [name for name in holder if name != path[-1]] if isinstance(holder, dict) else []
    if rest == ["secure"] and isinstance(holder["secure"], str):
        raise EngineError(f"{_path_text(path)}: {_SECURE_RESERVED}")
    del holder[path[-1]]


def _path_text(path: list[PathPart]) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.search(r'[.\["\]]', part):
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
        else:
            text += f".{part}" if text else part
    return text


def with_project_defaults(config: Mapping[str, Any], project: Project) -> tuple[dict[str, Any], list[str]]:
    """The stack's configuration with what the project declares a default or value for, and the keys still missing."""
    result = dict(config)
    missing = []
    for name in sorted(project.config):
        declared = project.config[name]
        key = name if ":" in name else f"{project.name}:{name}"
        if key in result:
            continue
        value = declared.value if declared.default is None else declared.default
        if value is not None:
            result[key] = value if isinstance(value, dict | list) else text_of(value, mask)
        elif key.partition(":")[0] == project.name:
            missing.append(name)
    return result, missing


def effective_config(config: Mapping[str, Any], project: Project, stack: str, decrypt: Decrypt) -> dict[str, Any]:
    """The configuration that a run of the program gets, checked against what the project declares.

    Raises:
        EngineError: A declared key is missing, should be secret and is not, or is of another type.
    """
    result, missing = with_project_defaults(config, project)
    if missing:
        raise EngineError(
            f"Stack '{stack}' is missing configuration value{'s' if len(missing) > 1 else ''} {_quoted_list(missing)}"
        )
    for name in sorted(project.config):
        declared = project.config[name]
        key = name if ":" in name else f"{project.name}:{name}"
        if not declared.type:
            continue
        value = result[key]
        if declared.secret and not is_secret(value):
            raise EngineError(f"Stack '{stack}' with configuration key '{name}' must be encrypted as it's secret")
        content = plain(value, decrypt)
        if not is_object(content) and not isinstance(content, str):
            content = escaped_dumps(content)
        if not matches_type(declared.type, declared.items, content):
            raise EngineError(f"Stack '{stack}' with configuration key '{name}' must be of type '{declared.type_name}'")
    return result


def _quoted_list(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in sorted(names)]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
