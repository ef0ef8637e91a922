"""What may be signed: every value has one spelling, and whatever has none is refused by path."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.approvals import packets
from controlplane.approvals.diffing import LONGEST, MOST, diff
from controlplane.lib.errors import Invalid, TooLarge
from tests import make
from tests.kit import approvals

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
PACKETS = st.dictionaries(TEXTS, VALUES, max_size=5)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value in another order and other Python types."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(inner, rng)) for key, inner in value.items()]
        rng.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, list):
        return tuple(shuffled(inner, rng) for inner in value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**50:
        return float(value)
    return value


@given(PACKETS, st.randoms(use_true_random=False))
def test_hash__is_of_the_value__not_of_its_spelling(packet: Any, rng: random.Random) -> None:
    text = packets.clean(packet)
    assert packets.clean(shuffled(packet, rng)) == text
    assert packets.clean(json.loads(text)) == text
    assert packets.digest(packets.clean(json.loads(json.dumps(packet)))) == packets.digest(text)


@pytest.mark.django_db
@settings(max_examples=15, deadline=None)
@given(PACKETS)
def test_text__passes_through_the_database_and_its_json(packet: Any) -> None:
    """Whoever reads the view by SQL sees the numbers that were signed."""
    text = packets.clean(packet)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s::text, %s::jsonb::text, encode(sha256(convert_to(%s, 'UTF8')), 'hex')",
            [text, text, text],
        )
        stored, as_json, digest = cursor.fetchone()
    assert stored == text
    assert packets.clean(json.loads(as_json)) == text
    assert digest == packets.digest(text)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE


@pytest.mark.parametrize(
    ("packet", "path"),
    [
        (None, "packet"),
        ([], "packet"),
        ("text", "packet"),
        ({"a": float("nan")}, "packet.a"),
        ({"a": [1, float("inf")]}, "packet.a[1]"),
        ({"a": float("-inf")}, "packet.a"),
        ({"a": "x\0y"}, "packet.a"),
        ({"a\0": 1}, "packet"),
        ({"a": "\ud800"}, "packet.a"),
        ({"\udfff": 1}, "packet"),
        ({"a": {"b": 2**63}}, "packet.a.b"),
        ({"a": 10**400}, "packet.a"),
        ({"a": 1e300}, "packet.a"),
        ({1: "a"}, "packet"),
        ({"a": {None: 1}}, "packet.a"),
        ({"a": b"bytes"}, "packet.a"),
        ({"a": {1, 2}}, "packet.a"),
        ({"a": object}, "packet.a"),
        ({"k" * 201: 1}, "packet"),
    ],
    ids=str,
)
def test_hostile__is_refused_by_its_path(packet: Any, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        packets.clean(packet)
    assert list(refused.value.details) == [path]


@pytest.mark.parametrize(
    "packet", [nested(33), nested(5_000), CIRCLE], ids=["33", "5000", "circle"]
)
def test_depth__is_bounded(packet: Any) -> None:
    with pytest.raises(Invalid, match="Deeper"):
        packets.clean(packet)
    assert packets.clean(nested(31))


@pytest.mark.parametrize(
    "packet", [{"a": "x" * 300_000}, {"a": list(range(30_000))}], ids=["bytes", "values"]
)
def test_size__is_bounded(packet: Any) -> None:
    with pytest.raises(TooLarge):
        packets.clean(packet)


def test_zero__has_no_sign() -> None:
    assert packets.clean({"a": -0.0, "b": 1.0, "c": 1.5}) == '{"a":0,"b":1,"c":1.5}'


@pytest.mark.django_db
def test_request__keeps_the_very_text() -> None:
    request = approvals.ask(make.workspace(), packet={"b": 1.0, "a": "é", "n": {"z": [1, 2.5]}})
    stored = approvals.now_of(request)
    assert stored.packet_text == '{"a":"é","b":1,"n":{"z":[1,2.5]}}'
    assert packets.digest(stored.packet_text) == stored.sha256
    assert stored.packet == {"a": "é", "b": 1, "n": {"z": [1, 2.5]}}


# --- The difference ------------------------------------------------------------------------------


def test_diff__names_each_change() -> None:
    before = {"a": 1, "b": [1, 2, 3], "c": {"d": "x"}, "gone": True}
    after = {"a": 2, "b": [1, 9], "c": {"d": "x", "e": None}}
    assert [(change["path"], change["kind"]) for change in diff(before, after)] == [
        ("a", "changed"),
        ("b[1]", "changed"),
        ("b[2]", "removed"),
        ("c.e", "added"),
        ("gone", "removed"),
    ]


def test_diff__true_is_not_one() -> None:
    [change] = diff({"a": True}, {"a": 1})
    assert (change["before"], change["after"]) == (True, 1)


def test_diff__is_bounded() -> None:
    changes = diff({"a": "x" * 9_999}, {"a": [0], **{f"k{n}": n for n in range(MOST + 50)}})
    assert len(changes) == MOST + 1
    assert changes[-1]["kind"] == "more"
    assert len(changes[0]["before"]) < LONGEST + 40


@given(PACKETS, PACKETS)
def test_diff__is_empty_exactly_when_nothing_changed(one: Any, two: Any) -> None:
    one, two = json.loads(packets.clean(one)), json.loads(packets.clean(two))
    assert diff(one, one) == []
    assert (diff(one, two) == []) == (packets.clean(one) == packets.clean(two))
