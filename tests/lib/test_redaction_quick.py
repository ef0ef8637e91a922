"""Finding out quickly that nothing is there must never overlook what the walk would find."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.redaction import quick, redact_batch, redact_fresh, scan
from tests.kit import redaction_values as values

NAMES = ["toolkit", "token_usage", "email", "user_id", "note", "password", "a b", "emails", "x"]
_rng = Random(7)
DIRTY = [
    make(_rng)
    for make in (values.email, values.web_token, values.card, values.phone, values.vendor_token)
    for _ in range(4)
]
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(DIRTY),
    st.sampled_from(["create_contact", "req-77", "", "2025-10-16T08:00:00Z", "***redacted***"]),
    st.tuples(st.text(max_size=8), st.sampled_from(DIRTY)).map(" ".join),
)
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
NAME = st.one_of(st.sampled_from(NAMES), st.text(max_size=12), st.sampled_from(DIRTY))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAME, inner, max_size=4)),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=8))
def test_quick__is_the_walk(batch: list[Any]) -> None:
    assert redact_fresh(batch) == redact_batch(batch)


@pytest.mark.parametrize("neighbour", ["", "password=", "Authorization: Bearer"])
def test_quick__neighbours_in_the_batch_change_nothing(neighbour: str) -> None:
    batch = [{"note": neighbour}, {"note": "harbour12345"}, {"note": DIRTY[0]}]
    assert redact_fresh(batch) == redact_batch(batch)


def test_quick__long_and_deep() -> None:
    deep: Any = DIRTY[0]
    for _ in range(100):
        deep = [deep]
    batch = [deep, "x" * 20_000, {"k": ["ä" * 9_000, DIRTY[1]]}, {"n" * 500: 1}]
    assert redact_fresh(batch) == redact_batch(batch)


def test_quick__what_is_clean__comes_back_itself() -> None:
    value = {"toolkit": "hubspot", "n": [1, {"outcome": "success"}]}
    assert redact_fresh([value])[0][0] is value


def test_quick__clean_words_are_looked_at_once__and_what_hides_something_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    look = scan.hits

    def hits(texts: list[str]) -> list[int]:
        looked.extend(texts)
        return look(texts)

    monkeypatch.setattr(scan, "hits", hits)
    long = "the same long words of somebody " * 4
    batch = [{"note": "seen before 4711"}, {"note": DIRTY[0]}, {"note": long}]
    first = redact_fresh(batch)
    assert {"seen before 4711", DIRTY[0], long} <= set(looked)
    looked.clear()
    assert redact_fresh(batch) == first == redact_batch(batch)
    assert looked == [DIRTY[0], long]


def test_quick__of_words_it_keeps_only_so_many() -> None:
    for number in range(3):
        redact_fresh([f"word {number}-{n}" for n in range(3_000)])
        assert len(quick._clean) <= quick.MAX_WORDS
