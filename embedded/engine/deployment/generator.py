"""The step generator: turns what the program registers into steps, by comparing it with the state.

Source: pkg/resource/deploy/step_generator.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedded.engine.deployment import diffs
from embedded.engine.deployment.aliases import alias_urns
from embedded.engine.deployment.comparison import difference
from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.goal import Goal, ReadGoal
from embedded.engine.deployment.hooks import state_name
from embedded.engine.deployment.policy import PolicyChecker
from embedded.engine.deployment.replacements import DependentReplacement, dependent_replacements, protected_text
from embedded.engine.deployment.steps import (
    CreateStep,
    DeleteStep,
    ReadStep,
    ReplaceStep,
    SameStep,
    Step,
    UpdateStep,
)
from embedded.engine.deployment.targets import UrnPatterns, cycle_text, depends_on_itself
from embedded.engine.errors import EngineError
from embedded.engine.plugins.results import CheckFailure, DiffResult
from embedded.engine.state import Resource
from embedded.engine.urn import (
    ROOT_STACK_TYPE,
    child,
    is_provider_type,
    qualified_type_of,
)
from embedded.engine.values import Properties, dumps, to_json, without_secrets


@dataclass
class _Registration:
    """One registration on its way to steps."""

    goal: Goal
    urn: str
    old: Resource | None
    new: Resource
    recreating: bool = False

    @property
    def was_external(self) -> bool:
        return self.old is not None and self.old.external


class StepGenerator:
    """Makes steps; each URN is registered once.

    The sets hold the URNs that were found the same, updated, replaced, read, and the creates skipped for want of a target.
    `only_same` is for programs that run beside a destroy or a refresh: nothing that they register changes.
    """

    def __init__(self, context: Context, policies: PolicyChecker) -> None:
        self._context = context
        self._policies = policies
        self.urns: set[str] = set()
        self.sames: set[str] = set()
        self.updates: set[str] = set()
        self.replaces: set[str] = set()
        self.creates: set[str] = set()
        self.reads: set[str] = set()
        self.skipped_creates: set[str] = set()
        self._untargeted: dict[str, Resource] = {}
        self.aliased: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.pending_deletes: set[int] = set()
        self.dependent_replace_keys: dict[str, tuple[str, ...]] = {}
        self.targets = UrnPatterns(context.options.targets)
        self.excludes = UrnPatterns(context.options.excludes)
        self.replace_targets = UrnPatterns(context.options.replaces)
        self.only_same = False

    # --- registrations -----------------------------------------------------------------------------------------------

    async def register(self, goal: Goal) -> list[Step]:
        """The steps for one registration.

        Raises:
            Bail: It cannot be done, and the user was told why.
            EngineError: It cannot be done.
        """
        registration = self._begin(goal)
        if goal.custom and goal.import_id and self._is_import(registration):
            from embedded.engine.deployment.imports import import_steps

            self._context.plan.register(registration.urn, goal, None, {})
            return import_steps(registration.goal, registration.old, registration.new, registration.recreating)
        targeted = self._is_targeted(registration)
        if targeted:
            await self._check(registration)
        self._context.plan.register(registration.urn, goal, registration.old, registration.new.inputs)
        if registration.recreating:
            steps = self._recreate(registration)
        elif registration.was_external:
            steps = self._take_over(registration)
        elif registration.old is not None:
            steps = await self._compare(registration) if targeted else self._untouched(registration)
        else:
            steps = self._create(registration, targeted)
        self._refuse_skipped_dependencies(steps)
        self._refuse_cycles(steps)
        return steps

    async def after_import(self, goal: Goal, imported: Resource) -> list[Step]:
        """The steps that bring a resource just imported to what the program wants; none if it is so already."""
        new = self._new_resource(goal, imported.urn, imported, [])
        new.import_id = imported.import_id
        registration = _Registration(goal, imported.urn, imported, new)
        registration.new.inputs = diffs.with_ignored_changes(goal.inputs, imported.inputs, goal.ignore_changes)
        await self._check(registration)
        return await self._steps_from_diff(registration)

    def spare(self, goal: Goal) -> None:
        """Take a registration for unchanged that came to nothing, since what it depends on failed: it must not be deleted."""
        self.sames.add(self._identify(goal)[0])

    def _begin(self, goal: Goal) -> _Registration:
        if goal.parent and goal.parent not in self._context.news and goal.parent not in self.urns:
            raise EngineError(f"could not find parent resource {goal.parent}")
        urn, old, alias = self._identify(goal)
        new = self._new_resource(goal, urn, old, [alias] if alias else [])
        if old is not None:
            new.inputs = diffs.with_ignored_changes(goal.inputs, old.inputs, goal.ignore_changes)
        return _Registration(goal, urn, old, new, recreating=urn in self._context.deletes)

    def _identify(self, goal: Goal) -> tuple[str, Resource | None, str]:
        operation = self._context.operation
        urn = child(operation.stack, operation.project, goal.parent, goal.type, goal.name)
        self._claim(urn)
        return urn, *self._find_old(urn, alias_urns(goal, operation.stack, operation.project, self.aliases))

    def _claim(self, urn: str) -> None:
        if urn in self.urns:
            self._context.diagnose("error", f"Duplicate resource URN '{urn}'; try giving it a unique name", urn)
            raise Bail
        if urn in self.aliased:
            self._context.diagnose(
                "error",
                f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN '{self.aliased[urn]}'",
                urn,
            )
            raise Bail
        self.urns.add(urn)

    def _find_old(self, urn: str, candidates: Sequence[str]) -> tuple[Resource | None, str]:
        olds = self._context.olds
        if urn in olds:
            return olds[urn], ""
        for alias in candidates:
            if alias == urn or alias not in olds:
                continue
            if alias in self.urns:
                self._context.diagnose(
                    "error",
                    f"Alias URN '{alias}' on resource with URN '{urn}' is also the URN of another resource of the program",
                    urn,
                )
                raise Bail
            if alias in self.aliased:
                self._context.diagnose(
                    "error",
                    f"Alias URN '{alias}' on resource with URN '{urn}' is taken by the resource with URN '{self.aliased[alias]}'",
                    urn,
                )
                raise Bail
            self.aliased[alias] = urn
            self.aliases[urn] = alias
            return olds[alias], alias
        return None, ""

    def _new_resource(self, goal: Goal, urn: str, old: Resource | None, aliases: list[str]) -> Resource:
        parent = self._context.news.get(goal.parent)
        return Resource(
            urn=urn,
            type=goal.type,
            custom=goal.custom,
            inputs=goal.inputs,
            parent=goal.parent,
            protect=_inherited(goal.protect, parent.protect if parent else False),
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            aliases=aliases,
            custom_timeouts=goal.custom_timeouts,
            import_id=self._import_id(goal, old),
            retain_on_delete=_inherited(goal.retain_on_delete, parent.retain_on_delete if parent else False),
            deleted_with=goal.deleted_with or (parent.deleted_with if parent else ""),
            replace_with=goal.replace_with,
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
            ignore_changes=goal.ignore_changes,
            hide_diff=goal.hide_diffs,
            replace_on_changes=goal.replace_on_changes,
            replacement_trigger=goal.replacement_trigger,
            refresh_before_update=old.refresh_before_update if old else False,
            resource_hooks={state_name(kind): names for kind, names in goal.hooks.items() if names},
            snippet_id=goal.snippet_id,
        )

    def _import_id(self, goal: Goal, old: Resource | None) -> str:
        return goal.import_id if old is not None and goal.import_id in (old.import_id, old.id) else ""

    def _is_import(self, registration: _Registration) -> bool:
        old, goal = registration.old, registration.goal
        if old is None or old.external:
            return True
        return (old.import_id or old.id) != goal.import_id

    # --- targets -----------------------------------------------------------------------------------------------------

    def _is_targeted(self, registration: _Registration) -> bool:
        resource, urn = registration.new, registration.urn
        if self.only_same and not is_provider_type(resource.type):
            return False
        if is_provider_type(resource.type) or qualified_type_of(urn) == ROOT_STACK_TYPE:
            return True
        options = self._context.options
        if self.targets.given:
            if self.targets.matches(urn):
                return True
            if options.target_dependents and any(self.targets.matches(item) for item in resource.references()):
                self.targets.add(urn)
                return True
            return False
        if not self.excludes.given:
            return True
        if self.excludes.matches(urn):
            return False
        if options.exclude_dependents and any(self.excludes.matches(item) for item in resource.references()):
            self.excludes.add(urn)
            return False
        return True

    def _untouched(self, registration: _Registration) -> list[Step]:
        old = registration.old
        assert old is not None
        new = old.copy(urn=registration.urn, aliases=registration.new.aliases, parent=registration.new.parent)
        self.sames.add(registration.urn)
        self._untargeted[registration.urn] = new
        return [SameStep(old=old, new=new)]

    def _refuse_cycles(self, steps: Sequence[Step]) -> None:
        """Refuse what would come to depend on itself by way of what is not targeted and stays as it was."""
        new = steps[-1].new
        if not self._untargeted or new is None:
            return

        def references(urn: str) -> list[str]:
            places = (self._untargeted, self._context.news, self._context.olds)
            known = next((place[urn] for place in places if urn in place), None)
            return [self.aliased.get(item, item) for item in known.references()] if known is not None else []

        if depends_on_itself(new, references):
            raise EngineError(cycle_text(new.urn))

    def _refuse_skipped_dependencies(self, steps: Sequence[Step]) -> None:
        if not self.skipped_creates:
            return
        for step in steps:
            if step.new is None or getattr(step, "skipped_create", False):
                continue
            # What stays as it was keeps what it depended on; only the parent may be new, with the URN of an alias.
            for urn in [step.new.parent] if step.op == "same" else step.new.references():
                if urn in self.skipped_creates:
                    self._context.diagnose(
                        "error",
                        f"Resource '{step.urn}' depends on '{urn}' which was was not specified in --target list.",
                        step.urn,
                    )
                    self._context.saw_error = True
                    if not self._context.dry_run:
                        raise Bail

    # --- checking ----------------------------------------------------------------------------------------------------

    async def _check(self, registration: _Registration) -> None:
        goal, new, old = registration.goal, registration.new, registration.old
        if goal.custom:
            fresh = (
                registration.recreating
                or registration.was_external
                or old is None
                or self.replace_targets.matches(registration.urn)
            )
            olds = {} if fresh or old is None else old.inputs
            new.inputs = await self._checked_inputs(new, olds, goal.inputs if fresh else new.inputs)
        await self._policies.check_resource(new, goal)

    async def _checked_inputs(self, new: Resource, olds: Properties, news: Properties) -> Properties:
        providers = self._context.providers
        if new.is_provider:
            result = await providers.check(new.urn, olds, news)
        else:
            seed = self._context.plan.seed(new.urn)
            result = await providers.get(new.provider).check(new.urn, olds, news, seed)
        if result.failures:
            for failure in result.failures:
                self._context.diagnose("error", _failure_text(new, news, failure), new.urn)
            raise Bail
        return result.inputs

    # --- the cases ---------------------------------------------------------------------------------------------------

    def _create(self, registration: _Registration, targeted: bool) -> list[Step]:
        urn = registration.urn
        if not targeted:
            self.sames.add(urn)
            self.skipped_creates.add(urn)
            return [SameStep(old=None, new=registration.new, skipped_create=True)]
        self.creates.add(urn)
        return [CreateStep(new=registration.new)]

    def _recreate(self, registration: _Registration) -> list[Step]:
        urn, old, new = registration.urn, registration.old, registration.new
        self._context.deletes.discard(urn)
        self.replaces.add(urn)
        diff = DiffResult("some", replace_keys=self.dependent_replace_keys.get(urn, ()))
        return [
            ReplaceStep(old=old, new=new),
            CreateStep(op="create-replacement", old=old, new=new, logical=False, diff=diff),
        ]

    def _take_over(self, registration: _Registration) -> list[Step]:
        self.replaces.add(registration.urn)
        return _create_first(registration.old, registration.new, DiffResult("some"))

    async def _compare(self, registration: _Registration) -> list[Step]:
        steps = await self._steps_from_diff(registration)
        if steps:
            return steps
        self.sames.add(registration.urn)
        return [SameStep(old=registration.old, new=registration.new)]

    async def _steps_from_diff(self, registration: _Registration) -> list[Step]:
        old, new, goal = registration.old, registration.new, registration.goal
        assert old is not None
        has_init_errors = bool(old.init_errors)
        forced = self.replace_targets.matches(registration.urn)
        diff = await difference(self._context, old, new, goal, forced, self.replaces, self.aliased)
        diff = diffs.with_replace_on_changes(diff, goal.replace_on_changes, has_init_errors)
        if diff.changes != "some" and not old.pending_replacement:
            return []
        if diff.replaces or old.pending_replacement:
            return await self._replace(registration, diff)
        self.updates.add(registration.urn)
        return [UpdateStep(old=old, new=new, diff=diff, ignore_changes=goal.ignore_changes)]

    async def _replace(self, registration: _Registration, diff: DiffResult) -> list[Step]:
        old, new, goal = registration.old, registration.new, registration.goal
        assert old is not None
        self._refuse_protected(registration)
        self._refuse_imported(registration)
        self.replaces.add(registration.urn)
        if goal.custom and not self.replace_targets.matches(registration.urn):
            # The defaults carried over from the old resource are no longer right.
            new.inputs = await self._checked_inputs(new, {}, goal.inputs)
        if old.pending_replacement:
            return [
                ReplaceStep(old=old, new=new, diff=diff),
                CreateStep(op="create-replacement", old=old, new=new, logical=False, diff=diff),
            ]
        delete_first = diff.delete_before_replace
        if goal.delete_before_replace is not None:
            delete_first = goal.delete_before_replace
        if delete_first and old.custom:
            return await self._delete_first(registration, diff)
        return _create_first(old, new, diff)

    async def _delete_first(self, registration: _Registration, diff: DiffResult) -> list[Step]:
        old, new, urn = registration.old, registration.new, registration.urn
        assert old is not None
        steps: list[Step] = []
        dependents = await dependent_replacements(self._context, old, self.urns)
        for dependent, keys in reversed([*dependents, *self._followers(urn, dependents)]):
            if id(dependent) in self.pending_deletes:
                continue
            if dependent.protect:
                self._context.diagnose("error", protected_text(dependent.urn, urn), urn)
                self._context.saw_error = True
                raise Bail
            self.dependent_replace_keys[dependent.urn] = keys
            self._context.deletes.add(dependent.urn)
            self.pending_deletes.add(id(dependent))
            steps.append(DeleteStep(old=dependent, replacing=True, pending_replace=True))
        return [
            *steps,
            DeleteStep(old=old, replacing=True, pending_replace=True),
            ReplaceStep(old=old, new=new, diff=diff),
            CreateStep(op="create-replacement", old=old, new=new, logical=False, diff=diff),
        ]

    def _followers(self, urn: str, found: Sequence[DependentReplacement]) -> list[DependentReplacement]:
        """The resources that are replaced whenever this one is: by `replace_with` and `deleted_with`."""
        known = {dependent.urn for dependent, _ in found}
        return [
            (resource, ())
            for resource in self._context.previous
            if (urn in resource.replace_with or resource.deleted_with == urn)
            and not resource.delete
            and resource.urn not in known
            and resource.urn not in self.urns
        ]

    def _refuse_protected(self, registration: _Registration) -> None:
        old, new = registration.old, registration.new
        assert old is not None
        if not (old.protect and new.protect):
            return
        context = self._context
        context.diagnose(
            "error",
            f'unable to replace resource "{registration.urn}"\n'
            "as it is currently marked for protection. To unprotect the resource, remove the `protect` flag from the resource in "
            "your Pulumi program and run `pulumi up`",
            registration.urn,
        )
        context.saw_error = True
        if not context.dry_run:
            raise Bail

    def _refuse_imported(self, registration: _Registration) -> None:
        if not registration.goal.import_id:
            return
        message = (
            "previously-imported resources that still specify an ID may not be replaced; "
            "please remove the `import` declaration from your program"
        )
        if not self._context.dry_run:
            raise EngineError(message)
        self._context.diagnose("warning", message, registration.urn)

    # --- reads -------------------------------------------------------------------------------------------------------

    def read(self, goal: ReadGoal) -> list[Step]:
        """The steps that read a resource which Pulumi does not own."""
        operation = self._context.operation
        urn = child(operation.stack, operation.project, goal.parent, goal.type, goal.name)
        self._claim(urn)
        new = Resource(
            urn=urn,
            type=goal.type,
            custom=True,
            id=goal.id,
            inputs=goal.inputs,
            parent=goal.parent,
            external=True,
            dependencies=goal.dependencies,
            provider=goal.provider,
            additional_secret_outputs=goal.additional_secret_outputs,
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
        )
        old = self._context.olds.get(urn)
        if old is not None and not old.external and old.id != goal.id:
            self.replaces.add(urn)
            return [ReadStep(old=old, new=new, replacing=True), ReplaceStep(old=old, new=new)]
        self.reads.add(urn)
        return [ReadStep(old=old, new=new)]

    def may_delete(self, resource: Resource) -> bool:
        """Whether the targets let a resource go that the program no longer has."""
        targets = self.targets
        return targets.matches(resource.urn) if targets.given else not self.excludes.matches(resource.urn)

    def is_registered(self, urn: str) -> bool:
        """Whether the program still has the resource, under this URN or another."""
        return any(urn in found for found in (self.sames, self.updates, self.replaces, self.reads, self.aliased))


def _inherited(own: bool | None, parents: bool) -> bool:
    return parents if own is None else own


def _create_first(old: Resource | None, new: Resource, diff: DiffResult) -> list[Step]:
    return [
        CreateStep(op="create-replacement", old=old, new=new, logical=False, pending_delete=True, diff=diff),
        ReplaceStep(old=old, new=new, diff=diff),
    ]


def _failure_text(new: Resource, news: Properties, failure: CheckFailure) -> str:
    where = f"{new.type} resource '{new.urn.split('::', 3)[3]}'"
    if not failure.property:
        return f"{where} has a problem: {failure.reason}"
    key = failure.property.split(".")[0].split("[")[0]
    if key not in news:
        return f"{where}: property {failure.property} value {{<nil>}} has a problem: {failure.reason}"
    shown = dumps(to_json(without_secrets(news[key]), None))
    return f"{where}: property {failure.property} value {{{shown}}} has a problem: {failure.reason}"
