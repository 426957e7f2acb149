"""No role ever obtains a row or value that its policies hide, whatever it asks; and each check that sees to it is needed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_queries import Queries
from policy_world import ROLES, World, make_world

from embedded.snowflake.session import result_cache
from embedded.snowflake.sql import expressions, policies, relations, translate, user_functions

# Random statements until a check that was taken out must have shown.
_TRIES = 400
# Over a bare EXISTS DuckDB tests what it likes first: each of these tells of hidden rows by its error when nothing keeps it behind.
ASKED_FIRST = (
    "select count(*) from parcel where label::int >= 0",
    "select count(*) from plain right join parcel on k = weight and to_number(label) > 1",
    "select count(*) from (select date_from_parts(iff(weight < 0, 99999999, 2000), 1, 1) as d from parcel) where d is not null",
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = make_world()
    yield made
    made.close()


def ask(world: World, role: str, choose: Callable[[Any], Any]) -> str | None:
    """One random statement: what the role got by it that it should not."""
    return world.differ(role, Queries(choose, bombs=role != "ENGINEER").statements())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(role=st.sampled_from(ROLES), data=st.data())
def test_a_role_gets_what_the_model_says_it_sees(world: World, role: str, data: st.DataObject) -> None:
    found = ask(world, role, lambda options: options[data.draw(st.integers(0, len(options) - 1))])
    assert found is None, found


def counterexample(world: World) -> str | None:
    """What some random statement tells that it should not; one in three is asked by every role."""
    for role in ("ANALYST", "OTHER"):
        for text in ASKED_FIRST:
            if (told := world.differ(role, [text])) is not None:
                return told
    for seed in range(_TRIES):
        choice = random.Random(seed)
        if seed % 3:
            found = ask(world, choice.choice(ROLES), choice.choice)
        else:
            statements = Queries(choice.choice, bombs=False).statements()
            found = next((told for role in ROLES if (told := world.differ(role, statements))), None)
        if found is not None:
            return found
    return None


def _unless(read: str) -> Callable[..., bool]:
    return lambda context, how: context.policed and how != read


def _unpoliced(name: str, module: Any, at: int) -> tuple[Any, str, Any]:
    """A function whose context argument has policies no more."""
    original = getattr(module, name)

    def changed(*arguments: Any) -> Any:
        given = list(arguments)
        given[at] = replace(given[at], policed=False)
        return original(*given)

    return module, name, changed


def _body_unpoliced() -> tuple[Any, str, Any]:
    original = user_functions._inside

    def changed(*arguments: Any) -> Any:
        inner, scope = original(*arguments)
        return replace(inner, policed=False), scope

    return user_functions, "_inside", changed


def _mapping_unpoliced() -> tuple[Any, str, Any]:
    original = policies.applies
    return policies, "applies", lambda context, read: original(context, read) and not context.policies


def _key_without(module: Any, name: str, place: int) -> tuple[Any, str, Any]:
    """A cache's key without one of its parts."""
    original = getattr(module, name)

    def changed(*arguments: Any) -> Any:
        key = list(original(*arguments))
        key[place] = None
        return tuple(key)

    return module, name, changed


# What each check is, and how it is taken out.
CHECKS: dict[str, Callable[[], tuple[Any, str, Any]]] = {
    **{
        f"policies where a {read} is read": (lambda read=read: (policies, "applies", _unless(read)))
        for read in policies.READS
    },
    "the row filter": lambda: (policies, "_row_condition", lambda *_: "TRUE"),
    "the masks": lambda: (policies, "column_masks", lambda *_: {}),
    "masks by tags": lambda: (policies, "_tag_policy", lambda *_: None),
    "tags of the table": lambda: (policies, "_inherited_tags", lambda *_: []),
    "the fence around filtered rows": lambda: (policies, "fence", lambda text, _: text),
    "knowing what can fail": lambda: (expressions, "may_fail", lambda _: False),
    "policies beneath views": lambda: _unpoliced("_bind_view_query", relations, 1),
    "policies in functions": _body_unpoliced,
    "policies of mapping tables": _mapping_unpoliced,
    "the role in the translation's key": lambda: _key_without(translate, "_key", 1),
    "the role in the kept result's key": lambda: _key_without(result_cache, "cache_key", 1),
}


@pytest.mark.parametrize("check", CHECKS)
def test_without_any_one_check_something_is_told(world: World, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*CHECKS[check]())
    forget(world)
    try:
        assert counterexample(world) is not None
    finally:
        forget(world)


def forget(world: World) -> None:
    """Let no translation or result of before be used."""
    translate._caches.clear()
    for account in world.accounts:
        account.result_cache.clear()
