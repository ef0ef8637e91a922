"""Text cut to a length says that it was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.text import ELLIPSIS, counted, short


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("short enough", 12, "short enough"),
        ("one two three", 9, "one two…"),
        ("one two, three", 9, "one two…"),
        ("unbroken-and-long", 9, "unbroken…"),
        ("a unbroken-and-long", 9, "a unbrok…"),
        ("", 0, ""),
    ],
)
def test_short__ends_where_a_word_does(text: str, most: int, cut: str) -> None:
    assert short(text, most) == cut


@given(st.text(), st.integers(1, 100))
def test_short__is_never_longer_and_says_when_it_cut(text: str, most: int) -> None:
    cut = short(text, most)
    assert len(cut) <= most
    assert cut == text or cut.endswith(ELLIPSIS)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 open blockers"), (1, "1 open blocker"), (1.0, "1 open blocker"),
     (2, "2 open blockers"), (1200, "1,200 open blockers")],
)  # fmt: skip
def test_counted__one_is_one(number: float, said: str) -> None:
    assert counted(number, "open blocker") == said
