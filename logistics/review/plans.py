"""An environment deployed as of the base, and what an update to the head would change in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pulumi import automation

from logistics.contracts import TableContract
from logistics.declarations import Declarations, load_declarations
from logistics.deployment.context import Context, open_context
from logistics.deployment.engine import Engine
from logistics.deployment.policies import prepare_pack, uncoloured
from logistics.deployment.state import Checkpoint
from logistics.deployment.statements import statements_of
from logistics.deployment.steps import Label, Step, changing, label_of, steps_of
from logistics.errors import LogisticsError, UsageError
from logistics.local.environment import environment
from logistics.modelling.renames import Rename, pending_renames, table_urn
from logistics.pulumi_command import EMBEDDED
from logistics.review.order import in_order
from logistics.review.sources import Sides
from logistics.settings import StackSettings, load_stack, stacks
from logistics.sql import full_name, quoted

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a change in one environment, checked."""

    root: Path
    settings: StackSettings
    declared: Declarations


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule of the policy pack that a resource breaks.

    Attributes:
        rule: the rule's name.
        level: mandatory or advisory.
        resource: the resource's name, or the stack's.
        message: what the rule says.
    """

    rule: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the head would change in one environment.

    Attributes:
        stack: the environment's stack.
        base, head: both sides; no base where the environment is new.
        steps: what the engine would do, a replacement told once.
        labels: what each step means, by URN.
        statements: the SQL of each step, by URN.
        renames: columns that are renamed before.
        violations: of the policy pack; None where there is no pack, or it could not be asked.
        unchecked: why the pack could not be asked; empty where it could, or there is none.
        refused: why the head cannot be deployed here; empty where it can.
    """

    stack: str
    base: Side | None
    head: Side
    steps: list[Step] = field(default_factory=list)
    labels: Mapping[str, Label] = field(default_factory=dict)
    statements: Mapping[str, list[str]] = field(default_factory=dict)
    renames: list[Rename] = field(default_factory=list)
    violations: list[Violation] | None = None
    unchecked: str = ""
    refused: str = ""

    @property
    def signature(self) -> frozenset[str]:
        """What it does, told so that the same change in another environment has the same signature.

        The environment's name at the end of an object's name is left out, and so are digests of files, which hold its name.
        """
        said = {
            " ".join((step.op, step.kind, step.name, *step.diffs, *self.statements.get(step.urn, ())))
            for step in self.steps
        }
        own = re.compile(rf"_{re.escape(self.stack)}\b|\b[0-9a-f]{{12}}\b", re.IGNORECASE)
        return frozenset(own.sub("", each) for each in said | {rename.statement for rename in self.renames})


def chosen_stacks(sides: Sides, environment: str) -> list[str]:
    """Returns the stacks to review: one, or those of the head, development first and production last.

    Raises:
        UsageError: the head has no such stack.
    """
    known = stacks(sides.head)
    if environment != ALL and environment not in known:
        raise UsageError(f"there is no environment {environment!r}: allowed: {', '.join(known)}, {ALL}")
    order = {"dev": 0, "staging": 1, "prod": 2}
    return [environment] if environment != ALL else sorted(known, key=lambda name: (order.get(name, 3), name))


def check_side(root: Path, stack: str, said: str) -> Side | None:
    """Reads and checks one side in one environment; None where it has no such stack.

    Raises:
        UsageError: it does not compile; names the side.
    """
    if stack not in stacks(root):
        return None
    try:
        settings = load_stack(root, stack)
        return Side(root=root, settings=settings, declared=load_declarations(root, settings))
    except UsageError as error:
        raise UsageError(f"{said} does not compile for {stack}: {error}") from None


def deploy_base(side: Side) -> None:
    """Deploys an environment as the base says, without data.

    Raises:
        LogisticsError: the base cannot be deployed.
    """
    stack = side.settings.stack
    variables = os.environ | environment(side.root, side.settings)
    try:
        Engine(side.root, stack, EMBEDDED, variables).up(message="the base of the change")
    except LogisticsError as error:
        raise LogisticsError(f"the base cannot be deployed to {stack}: {error}") from None


def make_plan(stack: str, base: Side | None, head: Side) -> Plan:
    """Returns what an update of a deployed environment to the head would change; the account is left as it was.

    What the head refuses, or the engine of it, is told in the plan: a change that cannot be deployed is a finding.
    """
    plan = Plan(stack=stack, base=base, head=head)
    try:
        context = open_context(head.root, stack, EMBEDDED)
        plan = replace(plan, renames=rename(context, head.declared.tables))
        state = context.engine.checkpoint()
        try:
            steps, violations, unchecked = _previewed(context, state)
        finally:
            _rename_back(context, plan.renames)
        steps = in_order(changing(steps), state)
        return replace(
            plan,
            steps=steps,
            labels={step.urn: label_of(step) for step in steps},
            statements=statements_of(head.root, steps),
            violations=violations,
            unchecked=unchecked,
        )
    except LogisticsError as error:
        return replace(plan, refused=plain(str(error), head.root))


def renames_columns(tables: Mapping[str, TableContract]) -> bool:
    """Returns whether a column says which other name it had."""
    return any(column.renamed_from for contract in tables.values() for column in contract.columns)


def rename(context: Context, tables: Mapping[str, TableContract]) -> list[Rename]:
    """Renames columns as `logistics columns` does before an update, and tells the state of it; returns what was renamed.

    Raises:
        LogisticsError: the account refuses it.
    """
    if not renames_columns(tables):
        return []
    with context.cursor() as cursor:
        renames = pending_renames(cursor, tables, context.database)
        for each in renames:
            cursor.execute(each.statement)
    if renames:
        _read_back(context, renames)
    return renames


def _rename_back(context: Context, renames: Sequence[Rename]) -> None:
    """Gives columns the names that they had."""
    if not renames:
        return
    with context.cursor() as cursor:
        for each in renames:
            table = full_name(context.database, *each.table.upper().split("."))
            cursor.execute(
                f"ALTER TABLE {table} RENAME COLUMN {quoted(each.new.upper())} TO {quoted(each.old.upper())}"
            )
    _read_back(context, renames)


def _read_back(context: Context, renames: Sequence[Rename]) -> None:
    """Reads the tables of renamed columns into the state."""
    urns = sorted({table_urn(context.settings.stack, each.table) for each in renames})
    try:
        context.engine.stack.refresh(target=urns, suppress_outputs=True)
    except automation.CommandError as error:
        raise LogisticsError(f"the renamed columns cannot be read back: {_last_line(str(error))}") from None


def _previewed(context: Context, state: Checkpoint) -> tuple[list[Step], list[Violation] | None, str]:
    """Previews the head with its policy pack; returns the steps, the violations and why the pack could not be asked.

    A pack that refuses, or cannot run, does not hide the steps.
    """
    try:
        pack = prepare_pack(context.root, context.settings, state.deployment)
    except UsageError as error:
        return context.engine.preview(), None, str(error)
    if pack is None:
        return context.engine.preview(), None, ""
    events: list[Any] = []
    try:
        context.engine.stack.preview(
            on_event=events.append,
            policy_packs=[str(pack.folder)],
            policy_pack_configs=[str(pack.config)],
            suppress_progress=True,
        )
    except automation.CommandError as error:
        found = _violations(events)
        if any(violation.level == "mandatory" for violation in found):
            # What a policy objects to is planned all the same, and so is all that follows; what else goes wrong is not.
            steps = context.engine.preview() if _other_errors(events) else steps_of(events)
            return steps, found, ""
        return context.engine.preview(), None, plain(_last_line(str(error)), context.root)
    return steps_of(events), _violations(events), ""


def _other_errors(events: list[Any]) -> bool:
    """Returns whether a preview that a policy objects to failed for another reason too."""
    told = [event.diagnostic_event for event in events if event.diagnostic_event]
    return any(each.severity == "error" and each.message.strip() != "preview failed" for each in told)


def _violations(events: list[Any]) -> list[Violation]:
    told = [event.policy_event for event in events if event.policy_event]
    found = {
        Violation(
            rule=event.policy_name,
            level=event.enforcement_level,
            resource=(event.resource_urn or "").rsplit("::", 1)[-1],
            message=" ".join(uncoloured(event.message).split()),
        )
        for event in told
    }
    return sorted(
        found,
        key=lambda violation: (violation.level != "mandatory", violation.rule, violation.resource, violation.message),
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return (errors or lines or [""])[-1]


def plain(text: str, root: Path) -> str:
    """Returns a message without the folder that a review happens to run in."""
    return text.replace(f"{root}/", "").replace(str(root), ".")
