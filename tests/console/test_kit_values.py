"""A single value is drawn at once, and looks as a line with it does."""

from __future__ import annotations

from controlplane.console.kit import values
from controlplane.lib.redaction import MARK

WORDS = ["", "word", 'a "quoted\\ one"', "two\nlines\u2028more", "<b>&'", "ключ", "\ud800", "-1.5"]
OTHERS = [0, -17, 10**30, True, False, None, 1.5, float("nan"), [1, "a"], {"a": "b"}]


def test_one_value__of_any_kind__as_a_line_with_it() -> None:
    for value in [*WORDS, MARK, "x" * 700, *OTHERS]:
        assert values.scalar(value, 600) == values.highlight(values.short(value, 600)), value


def test_change_of_a_list__is_read_as_words__one_with_an_inside_stays_json() -> None:
    def after(value: object) -> str:
        found, _ = values.changes({}, {"field": value})
        return str(found[0].after)

    assert after(["Elif", "Rafael"]) == "Elif, Rafael"
    assert after([0, 1, 2.5]) == "0, 1, 2.5"
    assert after([]) == "none"
    assert after(["<b>"]) == "&lt;b&gt;"
    for inside in ([{"a": 1}], [[1, 2]], [""], [None], ["a, b", "c"], [MARK]):
        assert after(inside) == values.scalar(inside, 600), inside
