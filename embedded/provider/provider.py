"""What the provider does with a resource: check, diff, create, read, update, delete; apart from how it is asked."""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import struct_pb2

from embedded.provider import description
from embedded.provider.checks import Checked, Checker, Naming
from embedded.provider.connection import IGNORED, with_environment
from embedded.provider.data_sources import DataSource
from embedded.provider.description import Resource
from embedded.provider.errors import (
    ConfigurationError,
    PreviewFeatureError,
    ProviderError,
    StatementError,
    UnsupportedError,
)
from embedded.provider.kinds.kind import Kind
from embedded.provider.kinds.registry import kind_of
from embedded.provider.operation import Change, Operation, is_unset
from embedded.provider.plan import Planner, replaced_keys, unknown_outputs
from embedded.provider.reads import Reads
from embedded.provider.session import Client, ConnectorSession, Pool, Row
from embedded.provider.state import DEFAULTS, META, State, to_names
from embedded.provider.values import UNKNOWN, Secret, decode_struct, encode_struct

_TIMEOUTS = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"  # the key under which official states keep their timeouts
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
Values = struct_pb2.Struct


class PartialFailure(ProviderError):
    """The object exists, but the operation did not end well; the state so far must not be lost."""

    def __init__(self, reason: str, id_: str, outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
        super().__init__(reason)
        self.id = id_
        self.outputs = outputs
        self.inputs = inputs


@dataclass
class Difference:
    """The answer to a diff: paths with (kind, replace), the changed and the replacing properties by Pulumi name."""

    details: dict[tuple[str | int, ...], tuple[str, bool]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    replaces: list[str] = field(default_factory=list)
    delete_first: bool = False


@dataclass
class ReadResult:
    """What a read found; an empty id says that the object is gone."""

    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


class Provider:
    """One configured provider."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.pool = Pool(lambda: ConnectorSession(self.config))
        self._client = Client(self.pool)
        self._reads = Reads()

    # -- configuration -------------------------------------------------------------------------------------------------

    def check_config(self, news: Mapping[str, Any]) -> Checked:
        """Check the provider's configuration; values may be JSON texts, as the engine hands them over."""
        properties = description.config_properties()
        given = {name: _from_text(properties.by_name.get(name), value) for name, value in news.items()}
        given = {name: value for name, value in given.items() if name not in ("version", "pluginDownloadURL")}
        checked = Checker(properties, "snowflake", None, {}).check(given)
        checked.inputs.pop(DEFAULTS, None)
        for name in ("version", "pluginDownloadURL"):
            if name in news:
                checked.inputs[name] = news[name]
        for prop in properties.sensitive:
            if prop.name in checked.inputs and checked.inputs[prop.name] is not UNKNOWN:
                checked.inputs[prop.name] = Secret(checked.inputs[prop.name])
        return checked

    def configure(self, args: Mapping[str, Any]) -> None:
        """Take over the configuration; no session is opened before a statement needs one.

        Raises:
            ConfigurationError: a key that this provider does not know how to honour.
        """
        properties = description.config_properties()
        self.given = dict(args)
        config = {}
        for name, value in args.items():
            prop = properties.by_name.get(name)
            if prop is not None:
                config[prop.key] = _from_text(prop, value)
        unknown = [key for key in ("profile", "token_accessor") if config.get(key)]
        if unknown:
            raise ConfigurationError(
                f"snowflake:{properties[unknown[0]].name} is not supported by the embedded provider"
            )
        self.config = with_environment({key: value for key, value in config.items() if key not in IGNORED})

    def warm(self) -> None:
        """Log in while nobody waits, but only to a local Snowflake: a real account may ask a person for a second factor."""
        if self.config.get("protocol") == "http":
            self.pool.warm()

    def use(self, pool: Pool) -> None:
        """Send statements through other sessions."""
        self.pool = pool
        self._client = Client(pool)

    def run(self, sql: str, seconds: float = 60) -> list[Row]:
        """Run one statement of the caller's own, outside of any resource."""
        try:
            return self._client.run(sql, time.monotonic() + seconds)
        finally:
            self._reads.wrote("CALLER")

    def cancel(self) -> None:
        """Refuse further statements, stop those that run."""
        self.pool.cancel()

    def close(self) -> None:
        """End all sessions."""
        self.pool.close()

    def ask(self, function: DataSource, args: Values) -> dict[str, Any]:
        """Answer a data source."""
        return function(self._client, self._reads, self.config, decode_struct(args))

    # -- check and diff ------------------------------------------------------------------------------------------------

    def check(self, token: str, news: Values, olds: Values, naming: Naming) -> Checked:
        """Check a resource's inputs."""
        resource, _ = self._type(token)
        checked = Checker(resource.properties, resource.name, naming, decode_struct(olds)).check(decode_struct(news))
        for prop in resource.properties.sensitive:
            value = checked.inputs.get(prop.name)
            if value not in (None, ""):
                checked.inputs[prop.name] = Secret(value) if value is not UNKNOWN else value
        return checked

    def diff(self, token: str, olds: Values, news: Values, old_inputs: Values, ignore: list[str]) -> Difference:
        """Compare the state with the inputs; sends no statement."""
        resource, kind = self._type(token)
        new = State(resource, news)
        planner, changes = self._plan(resource, kind, State(resource, olds), new, State(resource, old_inputs))
        ignored = {re.split(r"[.\[]", path)[0] for path in ignore}
        result = Difference()
        for key, change in changes.items():
            prop = resource.properties[key]
            if prop.name in ignored or "*" in ignored:
                continue
            result.changed.append(prop.name)
            if change.replace:
                result.replaces.append(prop.name)
            found = {path: kind for path, kind in planner.details.items() if path[0] == prop.name}
            result.details.update(found or {(prop.name,): ("UPDATE", change.replace)})
        for path, (verb, replace) in result.details.items():
            result.details[path] = (verb, replace or (path[0] in result.replaces and len(path) == 1))
        result.delete_first = bool(result.replaces) and self._named(resource, new)
        return result

    def _plan(
        self, resource: Resource, kind: Kind, old: State, new: State, old_inputs: State
    ) -> tuple[Planner, dict[str, Change]]:
        planner = Planner(kind, resource, old, new, old_inputs)
        changes = planner.changes()
        for key, replace in (kind.drifted(old) if kind.drifted else {}).items():
            changes[key] = Change(key, old.get(key), None, replace)
        op = Operation(self._client, self._reads, kind, resource, new, old, old, 0.0, changes=changes)
        for key in replaced_keys(op):
            if key in changes:
                changes[key].replace = True
        return planner, changes

    def _named(self, resource: Resource, new: State) -> bool:
        """Return whether the program itself gives the name, so that old and new cannot stand side by side."""
        prop = resource.properties.get("name")
        return prop is not None and prop.auto_named and new.has("name") and prop.name not in new.defaulted()

    # -- create, update, delete, read ----------------------------------------------------------------------------------

    def create(
        self, token: str, properties: Values, timeout: float, *, preview: bool, interrupted: bool = False
    ) -> ReadResult:
        """Create an object, or tell what a preview knows of it.

        After an interrupted run nobody knows whether the object came to be: if it did, it is taken up and brought to what
        the program says, and what cannot be looked up is undone before it is done again.
        """
        resource, kind = self._type(token)
        inputs = State(resource, properties)
        if preview:
            return ReadResult("", self._preview_of_create(resource, inputs))
        self._require_feature(resource)
        state = self._wished(resource, inputs, State(resource))
        op = self._operation(resource, kind, inputs, State(resource), state, timeout, "create")
        op.creating = True
        if interrupted:
            with contextlib.suppress(ProviderError):
                kind.undo(op)
        try:
            with self._partial(op, properties):
                kind.create(op)
                self._read_back(op)
        except StatementError as error:
            if not (interrupted and error.exists):
                raise
            return self._take_up(token, kind.id_of(op), state, properties, timeout, error)
        return ReadResult(op.id, self._outputs(op))

    def _take_up(
        self, token: str, id_: str, wished: State, properties: Values, timeout: float, error: StatementError
    ) -> ReadResult:
        """Make an object that an interrupted run left behind this resource's own.

        It is read as a refresh reads what the program made: what was left to Snowflake's default is no difference.

        Raises:
            StatementError: the one given: what stands there cannot be changed into what the program says.
        """
        found = self.read(token, id_, encode_struct({"id": id_, **wished.outputs()}), properties, timeout)
        if not found.id:
            raise error
        olds, old_inputs = encode_struct(found.outputs), encode_struct(found.inputs)
        difference = self.diff(token, olds, properties, old_inputs, [])
        if difference.replaces:
            raise error
        outputs = self.update(token, found.id, olds, properties, old_inputs, timeout, preview=False)
        return ReadResult(found.id, outputs)

    def update(
        self, token: str, id_: str, olds: Values, news: Values, old_inputs: Values, timeout: float, *, preview: bool
    ) -> dict[str, Any]:
        """Change an object in place; return its outputs."""
        resource, kind = self._type(token)
        old, inputs = State(resource, olds), State(resource, news)
        _, changes = self._plan(resource, kind, old, inputs, State(resource, old_inputs))
        state = self._wished(resource, inputs, old)
        if preview:
            return self._preview_of_update(resource, state, changes, olds)
        self._require_feature(resource)
        op = self._operation(resource, kind, inputs, old, state, timeout, "update")
        op.id, op.changes = _real_id(id_, olds), changes
        op.parts = kind.parts_of_id(op.id)
        with self._partial(op, news):
            kind.update(op)
            self._read_back(op)
        return self._outputs(op)

    def delete(self, token: str, id_: str, olds: Values, timeout: float) -> None:
        """Delete an object."""
        resource, kind = self._type(token)
        self._require_feature(resource)
        old = State(resource, olds)
        op = self._operation(resource, kind, old, old, old, timeout, "delete")
        op.id = _real_id(id_, olds)
        op.parts = kind.parts_of_id(op.id)
        with self._safely(op):
            kind.delete(op)

    def read(self, token: str, id_: str, olds: Values, old_inputs: Values, timeout: float = 0) -> ReadResult:
        """Read an object: a refresh when there is a state, an import when there is none."""
        resource, kind = self._type(token)
        self._require_feature(resource)
        importing = not len(olds.fields)
        old = State(resource, olds)
        inputs = State(resource, old_inputs if len(old_inputs.fields) else olds)
        op = self._operation(resource, kind, inputs, old, State(resource, olds), timeout, "read")
        op.id, op.importing, op.refreshing = _real_id(id_, olds), importing, not importing
        op.parts = kind.parts_of_id(op.id)
        with self._safely(op):
            if not kind.read(op):
                return ReadResult()
        op.id = kind.id_of(op) if importing and kind.levels == len(op.parts) and not _is_special(kind) else op.id
        read_inputs = self._imported_inputs(op) if importing else self._read_inputs(op, old_inputs)
        return ReadResult(op.id, self._outputs(op), read_inputs)

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _type(self, token: str) -> tuple[Resource, Kind]:
        name = token.rsplit(":", 1)[-1]
        kind = kind_of(name)
        if kind is None:
            known = token in description.raw_schema()["unsupported"]
            what = "is not supported by the embedded provider" if known else "is no resource type of package snowflake"
            raise UnsupportedError(f"{token} {what}")
        return description.resource(name), kind

    def _require_feature(self, resource: Resource) -> None:
        feature = resource.preview_feature
        if feature and feature not in (self.config.get("preview_features_enabled") or []):
            raise PreviewFeatureError(feature)

    def _operation(
        self, resource: Resource, kind: Kind, inputs: State, old: State, state: State, timeout: float, verb: str
    ) -> Operation:
        seconds = timeout or _seconds(resource.timeouts.get(verb, "20m0s"))
        experiments = frozenset(self.config.get("experimental_features_enabled") or ())
        deadline = time.monotonic() + seconds
        return Operation(
            self._client, self._reads, kind, resource, inputs, old, state, deadline, experiments=experiments
        )

    def _read_back(self, op: Operation) -> None:
        if not op.kind.read(op):
            raise ProviderError(
                f"{op.kind.name} {op.fqn} cannot be found right after it was written: may the role see it?"
            )

    @contextlib.contextmanager
    def _safely(self, op: Operation) -> Iterator[None]:
        """Send what comes last even if the operation fails, and let no secret into an error."""
        try:
            yield
        except ProviderError as error:
            raise _without_secrets(op, error) from None
        finally:
            op.kind.finish(op)

    @contextlib.contextmanager
    def _partial(self, op: Operation, inputs: Values) -> Iterator[None]:
        """Keep what was reached when an operation fails after the object came to be.

        What the object is like then is read, so that the next update sends what is still missing and nothing twice.
        """
        try:
            with self._safely(op):
                yield
        except ProviderError as error:
            if not op.id:
                raise
            if not op.creating:
                op.state, op.refreshing = op.old, True
            op.wrote()
            with contextlib.suppress(ProviderError, ValueError):
                op.kind.read(op)
            raise PartialFailure(str(error), op.id, self._outputs(op), decode_struct(inputs)) from error

    def _wished(self, resource: Resource, inputs: State, old: State) -> State:
        """Return the old state with the program's wishes over it."""
        state = State(resource)
        for prop in resource.properties:
            value = inputs.get(prop.key) if prop.settable else None
            if value is None and (prop.output or prop.computed):
                value = old.get(prop.key)
            if value is None and prop.default is not None:
                value = prop.default
            state.set(prop.key, value)
        return state

    def _outputs(self, op: Operation) -> dict[str, Any]:
        outputs = {"id": op.id, **op.state.outputs()}
        meta: dict[str, Any] = {}
        if op.resource.timeouts:
            meta[_TIMEOUTS] = {
                verb: _seconds(text) * 1_000_000_000 for verb, text in sorted(op.resource.timeouts.items())
            }
        if op.kind.parameters:
            meta["own_parameters"] = sorted(op.own_parameters)
        if op.resource.schema_version:
            meta["schema_version"] = str(op.resource.schema_version)
        if meta:
            outputs[META] = json.dumps(meta, separators=(",", ":"))
        return outputs

    def _preview_of_create(self, resource: Resource, inputs: State) -> dict[str, Any]:
        state = State(resource)
        for prop in resource.properties:
            value = inputs.get(prop.key) if prop.settable else None
            state.set(prop.key, UNKNOWN if value is None and prop.computed else value)
        return {"id": UNKNOWN, **state.outputs()}

    def _preview_of_update(
        self, resource: Resource, state: State, changes: Mapping[str, Change], olds: Values
    ) -> dict[str, Any]:
        for key in unknown_outputs(resource, set(changes)):
            state.set(key, UNKNOWN)
        outputs = state.outputs()
        if "id" in olds.fields:
            outputs["id"] = olds.fields["id"].string_value
        return outputs

    def _read_inputs(self, op: Operation, old_inputs: Values) -> dict[str, Any]:
        """Return the inputs of a refreshed resource: as they were where they still mean the same, else as read."""
        plain = decode_struct(old_inputs)
        inputs: dict[str, Any] = {}
        before = State(op.resource, old_inputs)
        planner = Planner(op.kind, op.resource, op.state, before, before)
        changes = planner.changes()
        for name, value in plain.items():
            prop = op.resource.properties.by_name.get(name)
            changed = prop is not None and prop.key in changes and prop.key not in planner_parameters(op)
            if changed and prop is not None:
                now = to_names(prop, op.state.get(prop.key))
                value = None if is_unset(prop, op.state.get(prop.key)) else _with_defaults(now)
            if prop is not None and prop.sensitive and value is not None:
                value = Secret(value)
            if value is not None:
                inputs[name] = value
        return inputs

    def _imported_inputs(self, op: Operation) -> dict[str, Any]:
        """Return the inputs that would give an imported object: all that is set and not a default."""
        inputs: dict[str, Any] = {DEFAULTS: []}
        own = op.own_parameters
        parameters = planner_parameters(op)
        for prop in op.resource.properties:
            value = op.state.get(prop.key)
            if (
                not prop.settable
                or is_unset(prop, value)
                or value == prop.default
                or (value is False and not prop.required)
            ):
                continue
            if prop.key in parameters and prop.key not in own:
                continue
            named = _with_defaults(to_names(prop, value))
            inputs[prop.name] = Secret(named) if prop.sensitive else named
        return inputs


def planner_parameters(op: Operation) -> set[str]:
    """Return the keys of the properties that are Snowflake parameters of the kind."""
    table = op.kind.parameters
    return {key.lower() for key in description.parameters(table.table)} if table else set()


def _with_defaults(value: Any) -> Any:
    """Return nested objects with the mark that none of their properties is a default."""
    if isinstance(value, dict):
        return {
            DEFAULTS: [],
            **{key: _with_defaults(item) for key, item in value.items() if item not in (None, "", [])},
        }
    if isinstance(value, list):
        return [_with_defaults(item) for item in value]
    return value


def _without_secrets(op: Operation, error: ProviderError) -> ProviderError:
    """Return the error with every sensitive value of the resource masked."""
    hidden = [op.inputs.get(prop.key) for prop in op.resource.properties.sensitive]
    texts = [str(value) for value in hidden if isinstance(value, str) and len(value) > 2]
    message = str(error)
    for text in texts:
        message = message.replace(text, "***")
    if message == str(error):
        return error
    # The same kind of error, since its number still says what to do about it.
    masked = type(error).__new__(type(error), message)
    masked.__dict__.update(error.__dict__)
    if isinstance(masked, StatementError):
        masked.reason = "***"
    return masked


def _real_id(id_: str, olds: Values) -> str:
    """Return the id of an object: a renamed one has its new id in its outputs only."""
    kept = olds.fields["id"].string_value if "id" in olds.fields else ""
    return kept or id_


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"not a duration: {text}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _from_text(prop: Any, value: Any) -> Any:
    """Return a configuration value that came as JSON text as what it says."""
    if prop is None or not isinstance(value, str) or prop.type in ("string",):
        return value
    if prop.type in ("list", "set", "map", "object", "bool", "int"):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _is_special(kind: Kind) -> bool:
    return type(kind).id_of is not Kind.id_of or type(kind).parts_of_id is not Kind.parts_of_id


__all__ = ["Difference", "PartialFailure", "Provider", "ReadResult", "StatementError"]
