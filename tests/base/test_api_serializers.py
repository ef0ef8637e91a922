"""Input forms take what they declare and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer, json_fault, read, text_fault
from controlplane.lib.errors import ControlPlaneError
from tests.kit.sample_api import AgentInput, EchoInput

DEEP: Any = []
for _ in range(20):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": "x", "surprise": 1}, "surprise"),
        ({"name": "x", "uid": "0190c0de-0000-7000-8000-000000000000"}, "uid"),
        ({"name": 5}, "name"),
        ({"name": True}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": None}, "name"),
        ({}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x08b"}, "name"),
        ({"name": "a\u202eb"}, "name"),
    ],
)
def test_agent_form__refuses(data: Any, field: str) -> None:
    with pytest.raises(serializers.ValidationError) as refusal:
        read(AgentInput, data)
    assert list(refusal.value.detail) == [field]


@pytest.mark.parametrize(
    "data",
    [
        {"number": "5"},
        {"number": 5.0},
        {"number": True},
        {"number": 2**63},
        {"price": True},
        {"price": [1]},
        {"flag": "true"},
        {"flag": 1},
        {"choice": "c"},
        {"choice": ["a"]},
        {"choice": {}},
        {"uid": 5},
        {"uid": "5"},
        {"at": 5},
        {"at": "yesterday"},
        {"words": "ab"},
        {"words": ["a", 5]},
        {"words": ["a", None]},
        {"words": ["much too long a word"]},
        {"words": ["a"] * 1001},
        {"lines": {"amount": 1}},
        {"lines": [{"amount": "1"}]},
        {"lines": [{"amount": 1, "more": 2}]},
        {"lines": [5]},
        {"free": DEEP},
        {"free": {"a": "\x00"}},
        {"free": {"\x00": 1}},
        {"free": "x" * 70_000},
        {"free": 2**64},
        {"map": []},
        {"map": {"a": DEEP}},
    ],
    ids=lambda data: str(data)[:40],
)
def test_echo_form__refuses(data: Any) -> None:
    with pytest.raises(serializers.ValidationError) as refusal:
        read(EchoInput, data)
    assert list(refusal.value.detail) == list(data)


def test_echo_form__takes_what_it_declares() -> None:
    data = {
        "text": "Zeile\nzwei 👩‍🚀",
        "number": -5,
        "price": "12.50",
        "flag": False,
        "choice": "a",
        "uid": "0190c0de-0000-7000-8000-000000000000",
        "at": "2026-01-01T00:00:00Z",
        "words": ["a", "b"],
        "lines": [{"amount": 1}],
        "free": {"a": [1, None, {"b": "c"}]},
        "map": {"k": "v"},
    }
    assert set(read(EchoInput, data)) == set(data)


@pytest.mark.parametrize("data", [[], "text", 5, None, True])
def test_anything_but_an_object__is_refused(data: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        read(EchoInput, data)


def test_forms__never_write() -> None:
    form = AgentInput(data={"name": "x"})
    form.is_valid(raise_exception=True)
    verbs: list[Any] = [form.save, form.create, form.update]
    for verb in verbs:
        with pytest.raises(TypeError):
            verb()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)
_names = st.sampled_from([*EchoInput().fields, "other"])


@given(st.dictionaries(_names, _json, max_size=4))
def test_any_json__is_taken_or_refused_and_never_fails(data: Any) -> None:
    try:
        values = read(EchoInput, data)
    except (serializers.ValidationError, ControlPlaneError):
        return
    assert set(values) <= set(EchoInput().fields)


@given(st.text(max_size=30))
def test_clean_text__holds_no_control_character(text: str) -> None:
    if text_fault(text) is None:
        assert not any((ord(c) < 32 and c not in "\n\r\t") or 127 <= ord(c) < 160 for c in text)


def test_free_json__is_bounded_by_the_field() -> None:
    class Narrow(serializers.JSONField):
        max_depth = 1
        max_bytes = 10

    class Form(StrictSerializer):
        free = Narrow()

    assert read(Form, {"free": [1]}) == {"free": [1]}
    for value in ([[1]], "x" * 11):
        with pytest.raises(serializers.ValidationError):
            read(Form, {"free": value})
    assert json_fault({"a": [1, 2]}) is None
