"""The stack's configuration file, Pulumi.STACK.yaml: read, edited in place (comments and order kept), written.

Source: sdk/go/common/workspace of Pulumi (ProjectStack), and files written by the official CLI 3.260.0.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.engine import config as configuration
from embedded.engine import yamlfile
from embedded.engine.backend.files import write_atomically
from embedded.engine.errors import EngineError

_SECRETS_KEYS = {
    "secretsprovider": "secrets_provider",
    "encryptedkey": "encrypted_key",
    "encryptionsalt": "encryption_salt",
}
_KNOWN_KEYS = frozenset({*_SECRETS_KEYS, "config", "environment"})


@dataclass
class StackFile:
    """A stack's configuration file; `config` maps keys in full to values (`config.decode`)."""

    path: Path
    secrets_provider: str = ""
    encrypted_key: str = ""
    encryption_salt: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    _text: str = ""
    _others: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, project: str) -> StackFile:
        """The file's content; a file that is not there reads as an empty one.

        Raises:
            EngineError: The file is broken, or names an environment (Pulumi Cloud only).
        """
        if not path.is_file():
            return cls(path)
        raw = yamlfile.load(path)
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            raise EngineError(f"could not unmarshal '{path}': expected a map of settings at the top")
        if raw.get("environment"):
            raise EngineError(
                f"'{path}': 'environment' needs the Pulumi Cloud backend; remove it to use a file backend"
            )
        others = {str(key): value for key, value in raw.items() if key not in _KNOWN_KEYS}
        result = cls(path, _text=path.read_text(encoding="utf-8"), _others=others)
        for key, attribute in _SECRETS_KEYS.items():
            setattr(result, attribute, _text_value(path, key, raw.get(key)))
        result.config = _decode_config(path, raw.get("config"), project)
        return result

    def save(self) -> None:
        """Write the file if its content changed, keeping comments and the order of keys."""
        content: dict[str, Any] = {
            key: getattr(self, name) for key, name in _SECRETS_KEYS.items() if getattr(self, name)
        }
        if self.config:
            content["config"] = {key: configuration.encode(value) for key, value in self.config.items()}
        content |= self._others
        if self.path.suffix == ".json":
            text = configuration.escaped_dumps(content, indent=4, sort_keys=False) + "\n"
        else:
            text = _edited(self._text, content)
        if text != self._text or not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, text.encode(), private=False)
            self._text = text


def _text_value(path: Path, key: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise EngineError(f"could not unmarshal '{path}': '{key}' must be text")
    return value or ""


def _decode_config(path: Path, raw: Any, project: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise EngineError(f"could not unmarshal '{path}': 'config' must be a map of keys to values")
    result: dict[str, Any] = {}
    for key, value in raw.items():
        try:
            result[configuration.parse_key(str(key), project)] = configuration.decode(value)
        except EngineError as error:
            raise EngineError(f"could not unmarshal '{path}': {error}") from error
    return result


def _edited(text: str, content: dict[str, Any]) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.preserve_quotes = True
    yaml.width = 1 << 20
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    document = (yaml.load(text) if text.strip() else None) or CommentedMap()
    _reconcile_map(document, content)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _reconcile_map(document: Any, content: dict[str, Any]) -> None:
    names = {_full_name(key, content): key for key in document}
    for name, key in names.items():
        if name not in content:
            del document[key]
    for name, value in content.items():
        key = names.get(name, name)
        if key not in document:
            document[_styled(key)] = _styled(value)
        else:
            _reconcile_item(document, key, value)


def _full_name(key: Any, content: dict[str, Any]) -> str:
    """The key in full: files may leave the project's namespace out."""
    text = key if isinstance(key, str) else str(key)
    if text in content or ":" in text:
        return text
    return next((name for name in content if name.endswith(f":{text}")), text)


def _reconcile_item(document: Any, key: Any, value: Any) -> None:
    current = document[key]
    if isinstance(current, dict) and isinstance(value, dict):
        _reconcile_map(current, value)
    elif isinstance(current, list) and isinstance(value, list):
        del current[len(value) :]
        for index, item in enumerate(value):
            if index < len(current):
                _reconcile_item(current, index, item)
            else:
                current.append(_styled(item))
    elif not _same_scalar(current, value):
        document[key] = _styled(value)


def _same_scalar(current: Any, value: Any) -> bool:
    if isinstance(value, str) != isinstance(current, str):
        return not isinstance(value, str) and str(current) == str(value)
    return current == value and isinstance(current, bool) == isinstance(value, bool)


def _styled(value: Any) -> Any:
    """The value with texts quoted as the official CLI quotes them: double, and only where they would read otherwise."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, dict):
        return {_styled(key): _styled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_styled(item) for item in value]
    if not isinstance(value, str):
        return value
    if (
        "\n" in value
        and not any(line != line.rstrip() for line in value.split("\n"))
        and not value.startswith((" ", "\n"))
    ):
        return LiteralScalarString(value)
    return value if _reads_as_itself(value) else DoubleQuotedScalarString(value)


def _reads_as_itself(text: str) -> bool:
    import yaml

    try:
        return text != "" and yaml.safe_load(text) == text and yamlfile.parse(text, "value") == text
    except (yaml.YAMLError, ValueError, EngineError):
        return False
