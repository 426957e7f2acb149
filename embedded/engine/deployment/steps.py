"""Steps: one operation on one resource each, with what it does to the provider and to the state.

A step's `apply` changes the world (in a preview: asks what would be), its `record` writes down the result; the executor calls both.

Source: pkg/resource/deploy/step.go and pkg/backend/snapshot.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar

from embedded.engine.errors import EngineError
from embedded.engine.events import PropertyDiff, StepMetadata
from embedded.engine.plugins.results import DiffResult, InitError, ProviderError
from embedded.engine.state import Resource, timestamp
from embedded.engine.values import UNKNOWN_TEXT, Secret, equal

if TYPE_CHECKING:
    from embedded.engine.deployment.context import Context
    from embedded.engine.snapshot import SnapshotManager

NO_DIFF = DiffResult("none")


@dataclass(eq=False)
class Step:
    """One operation; `logical` steps count in the summary, the others are the parts of a replacement.

    `silent` steps are not told.
    `hooks_kind` names the resource hooks around it (create, update, delete), `pending` the operation that the state records while
    it runs.
    """

    op: str
    old: Resource | None
    new: Resource | None
    logical: bool = True
    diff: DiffResult = NO_DIFF
    silent: bool = False
    hooks_kind: ClassVar[str] = ""
    pending: ClassVar[str] = ""

    @property
    def resource(self) -> Resource:
        """The resource that the step is about: the new one where there is one."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def urn(self) -> str:
        """The URN of that resource."""
        return self.resource.urn

    @property
    def result_op(self) -> str:
        """The operation that the summary counts."""
        return self.op

    @property
    def counts(self) -> bool:
        """Whether the summary counts it."""
        return self.logical

    async def apply(self, context: Context) -> None:
        """Do it.

        Raises:
            InitError: It was done, but the resource did not come up; the step's state is to be kept.
            EngineError: It was not done.
        """

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Write down that it was done."""
        manager.finish(key)

    def metadata(self, op: str | None = None) -> StepMetadata:
        """What the events say of it."""
        detailed = None
        if self.diff.detailed is not None:
            detailed = {path: PropertyDiff(kind, is_input) for path, (kind, is_input) in self.diff.detailed.items()}
        return StepMetadata(
            op=op or self.op,
            urn=self.urn,
            type=self.resource.type,
            old=self.old,
            new=self.new,
            provider=self.resource.provider,
            keys=self.diff.replace_keys or None,
            diffs=self.diff.changed_keys or None,
            detailed_diff=detailed,
            logical=self.logical,
        )


@dataclass(eq=False)
class SameStep(Step):
    """Nothing changes in the provider; options and dependencies of the state may."""

    op: str = "same"
    old: Resource | None = None
    new: Resource | None = None
    skipped_create: bool = False

    async def apply(self, context: Context) -> None:
        """Take over id, outputs and times; a provider is configured as it was."""
        if self.skipped_create:
            return
        assert self.old is not None
        assert self.new is not None
        self.new.id = self.old.id
        self.new.outputs = self.old.outputs
        self.new.created = self.old.created
        self.new.modified = self.old.modified
        self.new.init_errors = self.old.init_errors
        if self.new.is_provider:
            await context.providers.same(self.new)

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Move the resource to the current ones; whole only if something of it changed."""
        if self.skipped_create:
            return
        assert self.old is not None
        assert self.new is not None
        if same_state(self.old, self.new):
            manager.keep(self.old, self.new)
        else:
            manager.finish(key, gone=[self.old], new=self.new)


@dataclass(eq=False)
class CreateStep(Step):
    """Make a resource: a new one, or the new one of a replacement (`pending_delete`: the old one goes at the end)."""

    op: str = "create"
    old: Resource | None = None
    new: Resource | None = None
    pending_delete: bool = False
    hooks_kind: ClassVar[str] = "create"
    pending: ClassVar[str] = "creating"

    async def apply(self, context: Context) -> None:
        """Create it."""
        new = self.new
        assert new is not None
        failure: InitError | None = None
        if new.custom:
            try:
                await self._create(context, new)
            except InitError as error:
                new.id, new.outputs, new.init_errors = error.id, error.properties, error.reasons
                failure = error
        new.created = new.modified = timestamp()
        if self.pending_delete and self.old is not None:
            self.old.delete = True
        if failure is not None:
            raise failure

    async def _create(self, context: Context, new: Resource) -> None:
        if new.is_provider:
            new.id, new.outputs = await context.providers.create(new)
            return
        provider = context.providers.get(new.provider)
        timeout = new.custom_timeouts.get("create", 0)
        interrupted = new.urn in context.manager.interrupted_creates
        result = await provider.create(new.urn, new.inputs, timeout, context.dry_run, interrupted=interrupted)
        new.id, new.outputs = result.id, result.outputs
        new.refresh_before_update = result.refresh_before_update

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Add it; an old copy deleted before it is gone now."""
        gone = [self.old] if self.old is not None and self.old.pending_replacement else []
        changed = [self.old] if self.old is not None and self.pending_delete else []
        manager.finish(key, gone=gone, changed=changed, new=self.new)


@dataclass(eq=False)
class UpdateStep(Step):
    """Change a resource in place."""

    op: str = "update"
    old: Resource | None = None
    new: Resource | None = None
    ignore_changes: list[str] = field(default_factory=list)
    hooks_kind: ClassVar[str] = "update"
    pending: ClassVar[str] = "updating"

    async def apply(self, context: Context) -> None:
        """Update it."""
        old, new = self.old, self.new
        assert old is not None
        assert new is not None
        new.id, new.created, new.modified = old.id, old.created, old.modified
        failure = None
        if new.custom:
            try:
                await self._update(context, old, new)
            except InitError as error:
                new.outputs, new.init_errors = error.properties, error.reasons
                failure = error
            new.modified = timestamp()
        if failure is not None:
            raise failure

    async def _update(self, context: Context, old: Resource, new: Resource) -> None:
        if new.is_provider:
            new.outputs = await context.providers.update(new)
            return
        result = await context.providers.get(new.provider).update(
            new.urn,
            old.id,
            old.inputs,
            old.outputs,
            new.inputs,
            new.custom_timeouts.get("update", 0),
            self.ignore_changes,
            context.dry_run,
        )
        new.outputs = result.outputs
        new.refresh_before_update = result.refresh_before_update

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Put the new state in the place of the old."""
        assert self.old is not None
        manager.finish(key, gone=[self.old], new=self.new)


@dataclass(eq=False)
class DeleteStep(Step):
    """Delete a resource; external and retained ones are only forgotten.

    `replacing` deletes belong to a replacement; `pending_replace` ones happen before the new resource is made, so the state keeps
    the old until then.
    """

    op: str = "delete"
    old: Resource | None = None
    new: Resource | None = None
    replacing: bool = False
    pending_replace: bool = False
    hooks_kind: ClassVar[str] = "delete"
    pending: ClassVar[str] = "deleting"

    def __post_init__(self) -> None:
        assert self.old is not None
        verb = "discard" if self.old.external else "delete"
        self.op = f"{verb}-replaced" if self.replacing else verb
        self.logical = not self.replacing

    async def apply(self, context: Context) -> None:
        """Delete it."""
        old = self.old
        assert old is not None
        if old.protect and not self.replacing:
            raise EngineError(_protected_text(old.urn))
        if context.dry_run:
            if self.pending_replace:
                old.pending_replacement = True
            return
        if self._reaches_provider(context, old):
            await self._delete(context, old)
        elif old.is_provider:
            await context.providers.delete(old)
        if self.pending_replace:
            old.pending_replacement = True

    def _reaches_provider(self, context: Context, old: Resource) -> bool:
        contained = bool(old.deleted_with) and old.deleted_with in context.deletes
        spared = old.external or old.retain_on_delete or contained or old.pending_replacement
        return old.custom and not old.is_provider and not spared

    async def _delete(self, context: Context, old: Resource) -> None:
        provider = await context.providers.ensure(old.provider)
        timeout = old.custom_timeouts.get("delete", 0)
        await provider.delete(old.urn, old.id, old.inputs, old.outputs, timeout)

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Drop it, or note that its replacement is still to be made."""
        assert self.old is not None
        if self.pending_replace:
            manager.finish(key, changed=[self.old])
        else:
            manager.finish(key, gone=[self.old])


@dataclass(eq=False)
class RemovePendingReplaceStep(Step):
    """Forget a resource that was deleted for a replacement which is no longer wanted."""

    op: str = "remove-pending-replace"
    old: Resource | None = None
    new: Resource | None = None
    logical: bool = False

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Drop it."""
        assert self.old is not None
        manager.finish(key, gone=[self.old])


@dataclass(eq=False)
class ReplaceStep(Step):
    """Says that a resource is replaced; the creating and deleting steps do it."""

    op: str = "replace"
    old: Resource | None = None
    new: Resource | None = None


@dataclass(eq=False)
class ReadStep(Step):
    """Read a resource that Pulumi does not own; `replacing` a resource that it did own."""

    op: str = "read"
    old: Resource | None = None
    new: Resource | None = None
    replacing: bool = False
    pending: ClassVar[str] = "reading"

    def __post_init__(self) -> None:
        self.op = "read-replacement" if self.replacing else "read"
        self.logical = not self.replacing

    @property
    def counts(self) -> bool:
        """Whether it found something else than the last time."""
        old, new = self.old, self.new
        return bool(self.logical and old is not None and new is not None and not equal(old.outputs, new.outputs))

    async def apply(self, context: Context) -> None:
        """Read it; an id that is not known yet leaves all outputs unknown."""
        new = self.new
        assert new is not None
        failure = None
        if new.id == UNKNOWN_TEXT:
            new.outputs = {}
        else:
            try:
                await self._read(context, new)
            except InitError as error:
                new.outputs, new.init_errors = error.properties, error.reasons
                failure = error
        self._set_times(new)
        if self.replacing and self.old is not None:
            self.old.delete = True
        if failure is not None:
            raise failure

    async def _read(self, context: Context, new: Resource) -> None:
        result = await context.providers.get(new.provider).read(new.urn, new.id, {}, new.inputs)
        if result.outputs is None:
            raise ProviderError(f"resource '{new.id}' does not exist")
        new.outputs = result.outputs
        new.id = result.id or new.id

    def _set_times(self, new: Resource) -> None:
        if self.old is not None and self.old.external:
            new.created = self.old.created
            new.modified = self.old.modified if equal(self.old.outputs, new.outputs) else timestamp()
        else:
            new.created = new.modified = timestamp()

    def record(self, manager: SnapshotManager, key: int | None) -> None:
        """Put what was read in the place of the old, which goes at the end if it was Pulumi's."""
        if self.old is None:
            manager.finish(key, new=self.new)
        elif self.replacing:
            manager.finish(key, changed=[self.old], new=self.new)
        else:
            manager.finish(key, gone=[self.old], new=self.new)


def same_state(old: Resource, new: Resource) -> bool:
    """Whether two resources would be written alike."""
    if old.outputs is not new.outputs and not equal(old.outputs, new.outputs):
        return False
    if not equal(old.inputs, new.inputs) or not equal(old.replacement_trigger, new.replacement_trigger):
        return False
    return all(getattr(old, name) == getattr(new, name) for name in _PLAIN_FIELDS)


_PLAIN_FIELDS = [
    item.name for item in fields(Resource) if item.name not in ("inputs", "outputs", "replacement_trigger")
]


def _protected_text(urn: str) -> str:
    return (
        f'resource "{urn}" cannot be deleted\n'
        "because it is protected. To unprotect the resource, either remove the `protect` flag from the resource in your Pulumi "
        f"program and run `pulumi up`, or use the command:\n`pulumi state unprotect '{urn}'`"
    )


def mark_secret_outputs(resource: Resource) -> None:
    """Make secret what must be: the outputs named so, and those whose input of the same name is secret."""
    for key in resource.additional_secret_outputs:
        if key in resource.outputs and not isinstance(resource.outputs[key], Secret):
            resource.outputs = {**resource.outputs, key: Secret(resource.outputs[key])}
    leaked = {
        key: Secret(value)
        for key, value in resource.outputs.items()
        if not isinstance(value, Secret) and isinstance(resource.inputs.get(key), Secret)
    }
    if leaked:
        resource.outputs = {**resource.outputs, **leaked}
