"""Steps are told in an order in which they can be done, and in the same one whatever the engine did first."""

from __future__ import annotations

import random

from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step
from logistics.review.order import in_order


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::logistics::snowflake:index/{kind}:{kind.title()}::{name}"


def step(op: str, kind: str, name: str) -> Step:
    return Step(op=op, urn=urn(kind, name), type=f"snowflake:index/{kind}:{kind.title()}")


SCHEMA, TABLE, OTHER, STREAM = urn("schema", "s"), urn("table", "t"), urn("table", "a"), urn("stream", "x")
STATE = [
    {"urn": SCHEMA},
    {"urn": TABLE, "dependencies": [SCHEMA]},
    {"urn": OTHER, "propertyDependencies": {"schema": [SCHEMA]}},
    {"urn": STREAM, "parent": SCHEMA, "dependencies": [TABLE]},
]
STEPS = [
    step("update", "schema", "s"),
    step("update", "table", "a"),
    step("create", "table", "b"),
    step("create", "view", "new"),
    step("delete", "stream", "x"),
    step("delete", "table", "t"),
]


def test_what_others_need_comes_first_and_goes_last():
    for seed in range(20):
        chance = random.Random(seed)
        state = Checkpoint.of({"resources": chance.sample(STATE, len(STATE))})
        steps = in_order(chance.sample(STEPS, len(STEPS)), state)
        assert [(each.op, each.urn.rsplit("::")[-1]) for each in steps] == [
            ("update", "s"),
            ("update", "a"),
            ("create", "b"),
            ("create", "new"),
            ("delete", "x"),
            ("delete", "t"),
        ]
