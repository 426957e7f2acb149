"""URNs and provider references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.engine import urn
from embedded.engine.errors import EngineError

STACK = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
CHILD = "urn:pulumi:dev::proj::my:index:Comp$tst:index:Res::a"


@given(name=st.text(min_size=1), stack=st.from_regex(r"[a-z]+\Z"))
def test_name_may_hold_anything(name: str, stack: str) -> None:
    made = urn.make(stack, "proj", "", "tst:index:Res", name)
    assert urn.parse(made) == (stack, "proj", "tst:index:Res", name)


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (urn.child("dev", "proj", STACK, "tst:index:Res", "a"), "urn:pulumi:dev::proj::tst:index:Res::a"),
        (urn.child("dev", "proj", "urn:pulumi:dev::proj::my:index:Comp::c", "tst:index:Res", "a"), CHILD),
        (urn.type_of(CHILD), "tst:index:Res"),
        (urn.qualified_type_of(CHILD), "my:index:Comp$tst:index:Res"),
        (urn.package_of("pulumi:providers:tst"), "tst"),
        (urn.package_of("tst:index:Res"), "tst"),
        (urn.with_stack_name(STACK, "prod"), "urn:pulumi:prod::proj::pulumi:pulumi:Stack::proj-prod"),
        (urn.is_default_provider("urn:pulumi:dev::proj::pulumi:providers:tst::default_1_0_0"), True),
        (urn.is_default_provider("urn:pulumi:dev::proj::pulumi:providers:tst::p"), False),
        (urn.is_default_provider("urn:pulumi:dev::proj::tst:index:Res::default"), False),
    ],
)
def test_parts(got: object, wanted: object) -> None:
    assert got == wanted


def test_provider_reference_is_split_at_its_last_colons() -> None:
    provider = "urn:pulumi:dev::proj::pulumi:providers:tst::p::q"
    assert urn.split_provider_reference(urn.provider_reference(provider, "some-id")) == (provider, "some-id")


@pytest.mark.parametrize("text", ["", "urn:pulumi:dev", "urn:pulumi:dev::proj::type", "http://a::b::c::d"])
def test_malformed(text: str) -> None:
    with pytest.raises(EngineError, match="invalid URN"):
        urn.parse(text)
