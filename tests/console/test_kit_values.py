"""A single value is drawn at once, and looks as a line with it does."""

from __future__ import annotations

from controlplane.console.kit import values
from controlplane.lib.redaction import MARK

WORDS = ["", "word", 'a "quoted\\ one"', "two\nlines\u2028more", "<b>&'", "ключ", "\ud800", "-1.5"]
OTHERS = [0, -17, 10**30, True, False, None, 1.5, float("nan"), [1, "a"], {"a": "b"}]


def test_one_value__of_any_kind__as_a_line_with_it() -> None:
    for value in [*WORDS, MARK, "x" * 700, *OTHERS]:
        assert values.scalar(value, 600) == values.highlight(values.short(value, 600)), value
