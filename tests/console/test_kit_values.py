"""A single value is drawn at once, and looks as a line with it does."""

from __future__ import annotations

from controlplane.console.kit import links, values
from controlplane.lib.redaction import MARK

WORDS = ["", "word", 'a "quoted\\ one"', "two\nlines\u2028more", "<b>&'", "ключ", "\ud800", "-1.5"]
OTHERS = [0, -17, 10**30, True, False, None, 1.5, float("nan"), [1, "a"], {"a": "b"}]


def test_one_value__of_any_kind__as_a_line_with_it() -> None:
    for value in [*WORDS, MARK, "x" * 700, *OTHERS]:
        assert values.scalar(value, 600) == values.highlight(values.short(value, 600)), value


def test_change_of_a_list__is_read_as_words__one_that_would_be_misread_stays_json() -> None:
    def after(value: object) -> str:
        found, _ = values.changes({}, {"field": value})
        return str(found[0].after)

    assert after(["Elif", "Rafael"]) == "Elif, Rafael"
    assert after([0, 1, 2.5]) == "0, 1, 2.5"
    assert after([]) == "none"
    assert after(["<b>"]) == "&lt;b&gt;"
    for inside in (
        [{"a": "b, c: d"}],
        [{"a": MARK}],
        [[1, 2]],
        [""],
        [None],
        ["a, b", "c"],
        [MARK],
    ):
        assert after(inside) == values.scalar(inside, 600), inside


def test_changes__what_has_an_inside__is_told_without_braces() -> None:
    rule = {"percent": 10, "fresh": True, "when": [{"field": "plan", "values": ["a", "b"]}]}
    found, _ = values.changes({"rules": []}, {"rules": [rule]})
    (change,) = found
    assert change.after == "percent: 10; fresh: yes; when: (field: plan; values: a, b)"


def test_refs_in_a_path__are_part_of_the_address() -> None:
    said = str(links.linked("POST /api/v1/rollouts/CAN-4/baseline, then INC-4/MSN-2"))
    assert "rollouts/CAN-4/baseline" in said
    assert said.count("<a ") == 2
