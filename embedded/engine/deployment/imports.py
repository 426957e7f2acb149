"""Imports: taking over resources that exist, by the `import` option of a program or by `pulumi import`.

Source: pkg/resource/deploy/step.go (ImportStep) and import.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from embedded.engine.deployment.context import Context
from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.steps import ReplaceStep, Step
from embedded.engine.errors import EngineError
from embedded.engine.plugins.results import InitError, ProviderError
from embedded.engine.state import Resource, timestamp


@dataclass(eq=False)
class ImportStep(Step):
    """Take over the resource of an id as it is.

    `planned` imports come from `pulumi import`: their inputs are those read, checked only for a warning; `properties` limits
    them.
    """

    op: str = "import"
    old: Resource | None = None
    new: Resource | None = None
    planned: bool = False
    properties: tuple[str, ...] = ()
    hooks_kind: ClassVar[str] = ""
    pending: ClassVar[str] = "importing"
    original: Resource | None = field(default=None)

    async def apply(self, context: Context) -> None:
        """Read it, and make its inputs the state's."""
        new = self.new
        assert new is not None
        if self.planned and new.urn in context.olds:
            raise EngineError(f"resource '{new.urn}' already exists")
        new.created = new.modified = timestamp()
        if not new.custom:
            return
        try:
            read = await context.providers.get(new.provider).read(new.urn, new.id, {}, {})
        except InitError as error:
            read = None
            new.init_errors, new.outputs, new.inputs = error.reasons, error.properties, error.inputs or {}
        if read is not None:
            self._take_over(new, read.id, read.outputs, read.inputs)
        if self.planned:
            await self._warn_of_failures(context, new)
        if self.original is not None:
            self.original.delete = True

    def _take_over(self, new: Resource, id_: str, outputs: dict | None, inputs: dict | None) -> None:
        if outputs is None:
            raise ProviderError(f"resource '{new.id}' does not exist")
        if inputs is None:
            package = new.type.partition(":")[0]
            raise ProviderError(
                f"provider does not support importing resources; please try updating the '{package}' plugin"
            )
        new.id = id_ or new.id
        new.outputs = outputs
        new.inputs = {key: inputs[key] for key in self.properties if key in inputs} if self.properties else inputs

    async def _warn_of_failures(self, context: Context, new: Resource) -> None:
        result = await context.providers.get(new.provider).check(new.urn, new.inputs, new.inputs)
        if not result.failures:
            new.inputs = result.inputs
            return
        package = new.type.partition(":")[0]
        context.diagnose(
            "warning",
            f"One or more imported inputs failed to validate. This is almost certainly a bug in the `{package}` provider. The "
            "import will still proceed, but you will need to edit the generated code after copying it into your program.",
            new.urn,
        )
        for failure in result.failures:
            context.diagnose("warning", f"{failure.property}: {failure.reason}", new.urn)

    def record(self, manager, key: int | None) -> None:
        """Add it."""
        changed = [self.original] if self.original is not None else []
        manager.finish(key, changed=changed, new=self.new)


def import_steps(goal: Goal, old: Resource | None, new: Resource, recreating: bool) -> list[Step]:
    """The steps that import a registration's resource; an old one of another id is replaced by it."""
    new.id = goal.import_id
    new.import_id = goal.import_id
    if old is not None and not recreating:
        return [
            ImportStep(op="import-replacement", new=new, original=old, logical=False),
            ReplaceStep(old=old, new=new),
        ]
    return [ImportStep(new=new)]
