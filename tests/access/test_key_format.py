"""The text of an API key, without a database."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access import keys

ENVIRONMENTS = st.text(alphabet=string.printable, max_size=30)


@given(ENVIRONMENTS)
def test_key__made_for_any_environment__reads_back(environment: str) -> None:
    made = keys.make(environment)
    text = made.reveal()
    assert keys.parse(text) == made
    assert keys.matches(made, keys.digest(made))
    assert re.fullmatch(r"cp_[a-z]{1,11}_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}", text)
    assert len(made.prefix) <= 24
    assert len(text) <= keys.LENGTH_LIMIT


@given(st.data())
def test_key__one_character_changed__is_refused_before_any_look_up(data: st.DataObject) -> None:
    text = str(keys.make("local").reveal())
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[at]))
    assert keys.parse(text[:at] + other + text[at + 1 :]) is None


@given(st.text(max_size=400))
def test_parse__any_text__never_raises(text: str) -> None:
    keys.parse(text)
    keys.parse("cp_local_" + text)


@pytest.mark.parametrize("tail", ["\n", " ", "\x00", "٣", "A" * 10_000])
def test_parse__something_after_a_good_key__is_no_key(tail: str) -> None:
    assert keys.parse(str(keys.make("local").reveal()) + tail) is None


def test_secret__printed_by_accident__is_not_shown() -> None:
    made = keys.make("local")
    assert made.secret not in repr(made)
    assert made.secret not in repr(made.reveal())
    assert made.secret not in repr({"key": made.reveal()})


def test_two_keys__are_never_equal() -> None:
    assert len({str(keys.make("local").reveal()) for _ in range(200)}) == 200
