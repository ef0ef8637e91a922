"""Diffs, code and JSON: right, harmless, and quick on texts made to be slow."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit import code, diffs, values
from controlplane.lib.redaction import MARK
from tests.console.kit_pages import anything, html_of, page_of
from tests.kit.markup import read
from tests.kit.pace import assert_no_slower

# --- Text diffs ---------------------------------------------------------------------------------


lines = st.lists(st.sampled_from(["a", "b", "c d e", "c d f", "", "x" * 30]), max_size=40)


def sides(diff: diffs.Diff) -> tuple[list[str], list[str]]:
    """Both texts, put together again from what is shown."""
    left, right = [], []
    for segment in diff.segments:
        for old, new in segment.pairs:
            left += ["".join(text for text, _ in old.parts)] if old else []
            right += ["".join(text for text, _ in new.parts)] if new else []
    return left, right


@given(lines, lines)
def test_diff__shows_both_texts_whole(before: list[str], after: list[str]) -> None:
    diff = diffs.compare("\n".join(before), "\n".join(after))
    if diff.segments:
        left, right = sides(diff)
        assert left == diffs._lines("\n".join(before))
        assert right == diffs._lines("\n".join(after))


@given(lines, lines)
def test_diff__numbers_rise_one_by_one_and_counts_agree(
    before: list[str], after: list[str]
) -> None:
    diff = diffs.compare("\n".join(before), "\n".join(after))
    shown = [line for segment in diff.segments for line in segment.lines]
    for side in ("left", "right"):
        numbers = [getattr(line, side) for line in shown if getattr(line, side)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert diff.added == sum(line.kind == "added" for line in shown)
    assert diff.removed == sum(line.kind == "removed" for line in shown)


def test_diff__marks_the_words_that_changed() -> None:
    page = page_of("{% diff a b %}", a="drain --wait 30\n", b="drain --wait 60\n")
    assert len(page.named("mark")) == 2
    diff = diffs.compare("drain --wait 30", "drain --wait 60")
    old, new = diff.segments[0].pairs[0]
    assert old is not None
    assert new is not None
    assert old.parts == [("drain --wait ", False), ("30", True)]
    assert new.parts == [("drain --wait ", False), ("60", True)]


def test_diff__lines_with_little_in_common_are_left_unmarked() -> None:
    assert not page_of("{% diff a b %}", a="alpha beta", b="gamma delta").named("mark")


def test_diff__signs_say_it_without_colour() -> None:
    text = page_of("{% diff a b %}", a="one\ntwo", b="one\nthree").text
    assert "−two" in text
    assert "+three" in text


def test_diff__folds_what_is_far_from_a_change() -> None:
    same = [f"line {n}" for n in range(100)]
    diff = diffs.compare("\n".join([*same, "x", *same]), "\n".join([*same, "y", *same]))
    assert [(s.folded, s.count) for s in diff.segments] == [(True, 97), (False, 7), (True, 97)]
    page = page_of("{% diff a b %}", a="\n".join([*same, "x"]), b="\n".join([*same, "y"]))
    assert len(page.named("details")) == 1


def test_diff__very_long_unchanged_runs_are_only_counted() -> None:
    same = "\n".join(f"line {n}" for n in range(2_000))
    page = page_of("{% diff a b %}", a=f"{same}\nx", b=f"{same}\ny")
    assert "1997 unchanged lines" in page.text
    assert not page.named("details")


@pytest.mark.parametrize(
    ("before", "after", "notice"),
    [
        ("a", "a", "No difference."),
        ("a\r\nb", "a\nb", "Only the ends of lines differ."),
        ("x" * 200_000, "y", "Too large to compare here: more than 100 kB."),
        ("\n" * 7_000, "y", "Too large to compare here: more than 6,000 lines."),
    ],
)
def test_diff__says_why_it_shows_nothing(before: str, after: str, notice: str) -> None:
    diff = diffs.compare(before, after)
    assert (diff.segments, diff.notice) == ([], notice)


def slow_pairs(share: int = 1) -> dict[str, tuple[str, str]]:
    """Up to a hundred kilobytes; of a share, so many times less."""
    dice = random.Random(7)
    plain = [f"line {n} of some text here" for n in range(3_500 // share)]
    mixed = dice.sample(plain, len(plain))
    edited = [line.replace("some", "other") if n % 7 == 0 else line for n, line in enumerate(plain)]
    letters = ["".join(dice.choice("ab") + "\n" for _ in range(6_000 // share)) for _ in range(2)]
    words = [
        "\n".join(" ".join(dice.choices("abcdef", k=60)) for _ in range(800 // share)) for _ in "ab"
    ]
    return {
        "edited": ("\n".join(plain), "\n".join(edited)),
        "shuffled": ("\n".join(plain), "\n".join(mixed)),
        "reversed": ("\n".join(plain), "\n".join(plain[::-1])),
        "two letters": (letters[0], letters[1]),
        "few words": (words[0], words[1]),
        "one line": ("a " * (50_000 // share), "b " * (50_000 // share)),
    }


@pytest.mark.parametrize("name", slow_pairs())
def test_diff__of_a_hundred_kilobytes_is_no_slower_than_of_less(name: str) -> None:
    pairs = [slow_pairs(share)[name] for share in (8, 1)]
    html_of("{% diff 'a' 'b' %}")  # templates are read once
    for split in (False, True):
        drawn = partial(html_of, "{% diff a b side_by_side=split %}", split=split)
        assert_no_slower(*(partial(drawn, a=before, b=after) for before, after in pairs))


# --- Changed fields -----------------------------------------------------------------------------


def paths(before: object, after: object) -> list[tuple[str, str]]:
    return [(change.sign, change.path) for change in values.changes(before, after)[0]]


def test_changes__names_what_came_went_and_changed() -> None:
    before = {"a": 1, "b": {"c": [1, 2], "d": True}, "rules": [{"w": 1}], "gone": 1}
    after = {"a": 1, "b": {"c": [1, 3], "d": 1}, "rules": [{"w": 2}, {"w": 9}], "new": None}
    assert paths(before, after) == [
        ("±", "b.c"),
        ("±", "b.d"),
        ("±", "rules[0].w"),
        ("+", "rules[1]"),
        ("−", "gone"),
        ("+", "new"),
    ]


def test_changes__of_a_creation_and_a_removal() -> None:
    assert paths(None, {"a": 1, "b": {"c": 2}}) == [("+", "a"), ("+", "b")]
    assert paths({"a": 1}, None) == [("−", "a")]
    assert paths({}, {}) == []


def test_changes__read_as_words() -> None:
    before = {"retry_at": None, "is_public": False, "name": "", "note": "2026"}
    after = {
        "retry_at": "2026-11-21T17:47:16.087279+00:00",
        "is_public": True,
        "name": "<b>",
        "note": "2027",
    }
    page = page_of("{% changes b a %}", b=before, a=after)
    told = " ".join(page.text.split())
    for words in ("Retry not set 2026-11-21 17:47 UTC", "Is public no yes", "Name empty <b>"):
        assert words in told, words
    assert "2026-11-21T" not in told
    assert "Note 2026 2027" in told


def test_changes__keep_redaction_marks() -> None:
    page = page_of("{% changes b a %}", b={"token": "x"}, a={"token": MARK})
    assert page.having("kit-redacted")
    assert MARK not in page.text


def test_changes__are_bounded() -> None:
    found, more = values.changes({}, {str(n): n for n in range(10_000)})
    assert (len(found), more) == (values.MOST_CHANGES, True)


@given(anything, anything)
def test_changes__never_fail(before: object, after: object) -> None:
    page_of("{% changes b a %}", b=before, a=after)
    assert paths(before, before) == [] or before is None or "nan" in repr(before)


# --- Code and JSON ------------------------------------------------------------------------------


@given(st.text())
def test_highlight__keeps_the_text(text: str) -> None:
    line = text.replace("\r", "").replace(MARK, "")
    assert read(f"<p>{values.highlight(line)}</p>").text == line


def test_highlight__tells_keys_from_strings() -> None:
    line = values.highlight('{"a": "b", "n": -1.5e3, "t": true}')
    page = read(f"<p>{line}</p>")
    names = [tag.attributes["class"].removeprefix("kit-json-") for tag in page.named("span")]
    assert names == ["key", "string", "key", "number", "key", "word"]


@pytest.mark.parametrize("pattern", ['"', '\\"', '"\\', "1e", "-", "true", '"a":'])
def test_highlight__is_linear(pattern: str) -> None:
    texts = [pattern * (size // len(pattern)) for size in (12_500, 100_000)]
    assert_no_slower(*(partial(code.code, text * 2, language="json") for text in texts))
    assert_no_slower(*(partial(values.highlight, text) for text in texts))


def test_code__lines_have_anchors_and_copy_without_numbers() -> None:
    page = page_of("{% code text anchor='log' %}", text="one\ntwo\n")
    assert [tag.attributes["id"] for tag in page.having("kit-code-line")] == ["log-1", "log-2"]
    assert page.text.strip().startswith("Code")
    assert "one\ntwo" in page.text
    region = page.having("kit-code-body")[0].attributes
    assert (region["role"], region["tabindex"], region["aria-label"]) == ("region", "0", "Code")


def test_code__is_bounded() -> None:
    built = code.code("x\n" * 100_000)
    assert (built.count, built.notice) == (3_000, "Only the first 3,000 lines are shown.")
    assert len(code.code("x" * 10_000_000).html) < 10_000


@given(anything)
def test_json_view__never_fails(value: object) -> None:
    page_of("{% json_view value %}", value=value)


def test_json_view__is_bounded_in_depth_number_and_length() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    wide = {str(n): {"a": [1, 2]} for n in range(20_000)}
    page = page_of("{% json_view v %}", v=[deep, wide, "x" * 100_000])
    assert len(page.tags) < 20_000
    assert len(page.text) < 100_000
    assert "more" in page.text


def test_json_view__a_value_inside_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert page_of("{% json_view v %}{% changes w v %}", v=loop, w={"self": 1}).tags


def test_json_view__half_a_surrogate_can_be_sent() -> None:
    html_of("{% json_view v %}{% code t %}{% markdown t %}", v="\ud800", t="\udfff").encode()
