"""Property values on the wire and in the state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from embedded.engine import property_types, values
from embedded.engine.assets import Archive, Asset, with_hash
from embedded.engine.errors import EngineError
from embedded.engine.values import UNKNOWN, OutputValue, ResourceReference, SealedSecret, Secret

_LEAVES = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False).map(values.number)
    | st.integers(-(2**53), 2**53)
    | st.text().filter(lambda text: text not in property_types.UNKNOWN_TEXTS)
)
_KEYS = st.text().filter(lambda key: key != values.SIGNATURE)
VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner) | inner.map(Secret), max_leaves=12
)


@given(bag=st.dictionaries(_KEYS, VALUES))
def test_wire_round_trip(bag: dict[str, Any]) -> None:
    assert values.equal(values.from_struct(values.to_struct(bag)), bag)


@given(value=VALUES)
def test_state_round_trip(value: Any) -> None:
    text = values.dumps(values.to_json(value, encrypt=lambda plain: plain[::-1]))
    assert values.equal(values.from_json(json.loads(text), lambda cipher: cipher[::-1]), value)


@given(value=VALUES)
def test_sealed_secrets_are_written_back_as_they_were(value: Any) -> None:
    written = values.to_json(value, encrypt=lambda plain: f"sealed {plain}")
    assert values.to_json(values.from_json(written, None), encrypt=None) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-3.0, "-3"),
        (2.5, "2.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (0.00001, "0.00001"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (9007199254740993, "9007199254740992"),
    ],
)
def test_numbers_print_as_go_prints_them(value: float, text: str) -> None:
    assert values.dumps({"n": values.number(value)}) == f'{{"n":{text}}}'


def test_json_has_no_escapes_of_html_or_letters() -> None:
    assert values.dumps({"a": "<&>é", "n": 0.00001, "e-7": "1e-7"}) == '{"a":"<&>é","n":0.00001,"e-7":"1e-7"}'


@pytest.mark.parametrize(
    ("value", "flags", "wanted"),
    [
        (Secret("s"), {"keep_secrets": False}, "s"),
        (Secret("s"), {}, {values.SIGNATURE: values.SECRET_SIGNATURE, "value": "s"}),
        ([1, UNKNOWN], {"keep_unknowns": False}, [1]),
        (UNKNOWN, {}, values.UNKNOWN_TEXT),
        (OutputValue(1, secret=True, dependencies=("u",)), {}, {values.SIGNATURE: values.SECRET_SIGNATURE, "value": 1}),
        (OutputValue(known=False), {}, values.UNKNOWN_TEXT),
        (
            OutputValue(1, dependencies=("u",)),
            {"keep_outputs": True},
            {values.SIGNATURE: property_types.OUTPUT_SIGNATURE, "value": 1, "dependencies": ["u"]},
        ),
        (ResourceReference("u", "i"), {"keep_resources": False}, "i"),
        (ResourceReference("u"), {"keep_resources": False}, "u"),
        (
            ResourceReference("u", UNKNOWN),
            {},
            {values.SIGNATURE: property_types.RESOURCE_SIGNATURE, "urn": "u", "id": ""},
        ),
        (b"\xff", {}, {values.SIGNATURE: property_types.BYTES_SIGNATURE, "base64": "/w=="}),
    ],
)
def test_what_a_reader_does_not_understand_is_kept_from_it(value: Any, flags: dict[str, bool], wanted: Any) -> None:
    expected = Struct()
    expected.update({"v": wanted})
    assert values.to_struct({"v": value}, **flags) == expected


@pytest.mark.parametrize("text", sorted(property_types.UNKNOWN_TEXTS))
def test_every_kind_of_unknown_is_understood(text: str) -> None:
    struct = Struct()
    struct.update({"v": [text]})
    assert values.from_struct(struct)["v"] == [UNKNOWN]


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (1, 1.0, True),
        (1, True, False),
        (Secret(1), 1, False),
        (Secret({"a": [1]}), Secret({"a": [1]}), True),
        ({"a": None}, {}, False),
        (UNKNOWN, UNKNOWN, True),
        (Asset(hash="h", path="a"), Asset(hash="h", path="b"), True),
    ],
)
def test_equality(left: Any, right: Any, wanted: bool) -> None:
    assert values.equal(left, right) is wanted
    assert values.equal(right, left) is wanted


def test_secrets_are_not_shown_by_accident() -> None:
    shown = repr([Secret("hunter2"), OutputValue("hunter2", secret=True), SealedSecret("v1:cipher")])
    assert "hunter2" not in shown
    assert "cipher" not in shown


def test_unknown_signature_is_refused() -> None:
    struct = Struct()
    struct.update({"v": {values.SIGNATURE: "nothing known"}})
    with pytest.raises(EngineError, match="unrecognized signature"):
        values.from_struct(struct)


def test_asset_hashes(tmp_path: Any) -> None:
    (tmp_path / "f.txt").write_text("hello")
    text, file = with_hash(Asset(text="hello")), with_hash(Asset(path="f.txt"), tmp_path)
    assert text.hash == file.hash == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    folder = with_hash(Archive(path="."), tmp_path)
    members = with_hash(Archive(assets={"f.txt": Asset(text="hello")}))
    assert folder.hash == members.hash
    with pytest.raises(EngineError, match="failed to open asset file"):
        with_hash(Asset(path="missing"), tmp_path)
