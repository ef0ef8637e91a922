"""Diffs, code, JSON, Markdown and files: right, harmless, and quick on texts made to be slow."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit import code, diffs, markdown, previews, values
from controlplane.console.kit.previews import File
from controlplane.lib.redaction import MARK
from tests.console.kit_pages import ADDRESSES, HOSTILE, anything, html_of, page_of
from tests.kit.markup import Page, read


def seconds(work: Callable[[], object]) -> float:
    """Processor time, so that a busy machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def assert_no_slower(*works: Callable[[], object]) -> None:
    """The second does eight times as much as the first: within three times eight times its cost,
    which what is quadratic exceeds. Below some milliseconds the cost is noise."""
    little, much = (min(seconds(work) for _ in range(2)) for work in works)
    assert much < 24 * max(little, 0.003), (little, much)


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


# --- Markdown -----------------------------------------------------------------------------------


def written(text: str) -> Page:
    page = read(str(markdown.render(text)))
    for tag in page.tags:
        assert set(tag.attributes) <= markdown.ALLOWED[tag.name] | {"rel"}, tag
        if tag.name == "a":
            assert tag.attributes["rel"] == "nofollow noopener noreferrer"
    return page


@given(st.text() | st.lists(st.sampled_from([
    "# ", "> ", "- [x] ", "|a|b|\n|-|:-:|\n", "![x](", "[y](", ")", "```\n", "**", "<b>", "INC-1 ",
    "https://a.b/c?", "\n\n", "<script>", "&#x3c;", "javascript:", "[r]: data:x\n", "`", "    ",
    "<https://x.y>", "\\", "~~", "1. ", "---\n", "onload=", '"', "'",
])).map("".join))  # fmt: skip
def test_markdown__writes_allowed_tags_only(text: str) -> None:
    written(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown__hostile_text_stays_text(text: str) -> None:
    for line in ("{}", "# {}", "[a]({})", "![{}]({})", "`{}`", "<{}>", "[x]: {}\n\n[x]"):
        written(line.replace("{}", text))


# A backslash is written as %5C, which makes "/\host" a path of our own.
@pytest.mark.parametrize("address", [text for text in ADDRESSES if "\\" not in text])
def test_markdown__dangerous_addresses_are_no_links(address: str) -> None:
    for line in ("[a]({})", "[a](<{}>)", "![a]({})", "<{}>", "[x]: <{}>\n\n[x]"):
        assert not written(line.replace("{}", address)).named("a")


def test_markdown__a_link_to_nowhere_is_its_text() -> None:
    page = written("[a]() **[c](/c)**")
    assert page.text.strip() == "a c"
    assert [tag.attributes["href"] for tag in page.named("a")] == ["/c"]


def test_markdown__headings_stand_below_the_pages_own() -> None:
    page = written("# a\n## b\n##### c\n")
    assert [tag.name for tag in page.tags] == ["h3", "h4", "h6"]


def test_markdown__pictures_are_links() -> None:
    page = written("![a chart](https://a.example/c.png) [![in](/x.png)](/there)")
    assert [tag.attributes["href"] for tag in page.named("a")] == [
        "https://a.example/c.png",
        "/there",
    ]
    assert "picture: a chart" in page.text


def test_markdown__links_refs_and_addresses_but_not_in_code() -> None:
    page = written("INC-12 and https://a.example/b(c). `INC-13` [INC-14](/x) **MSN-2**")
    assert [tag.attributes["href"] for tag in page.named("a")] == [
        "/admin/go/?q=INC-12",
        "https://a.example/b(c",
        "/x",
        "/admin/go/?q=MSN-2",
    ]


def test_markdown__tables_and_tasks() -> None:
    page = written("- [x] told\n- [ ] not yet\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert [tag.attributes["aria-label"] for tag in page.having("kit-task")] == ["done", "to do"]
    assert page.having("kit-md-table")[0].attributes["tabindex"] == "0"
    assert len(page.having("kit-right")) == 2


def test_markdown__too_large_is_shown_as_written() -> None:
    page = page_of("{% markdown text %}", text="**a** " * 20_000)
    assert not page.named("strong")
    assert "shown as it was written" in page.text
    assert len(page.text) < 70_000


PATTERNS = ["[", "![", "[]( \"", "*_", "`", "> ", "* ", "- ", "|", "a|b\n", "<", "[a](", "**a ",
            "http://a ", "INC-1 ", "&", "\\", "~~", "\n-|-\n", "[a]: b\n"]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_markdown__texts_made_to_be_slow_are_not(pattern: str) -> None:
    texts = [(pattern * size)[:size] for size in (2_500, 20_000)]
    assert_no_slower(*(partial(markdown.render, text) for text in texts))


# --- Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (File("a.png", "image/png", url="/files/1"), "image"),
        (File("a.png", "image/png", url="https://elsewhere.example/a.png"), "none"),
        (File("a.svg", "image/svg+xml", content="<svg>", url="/files/1"), "none"),
        (File("a.json", "application/json", content='{"a":1}'), "json"),
        (File("a.md", "text/plain", content="# a"), "markdown"),
        (File("a.csv", "", content="a,b\n1,2"), "csv"),
        (File("a.html", "text/html", content="<h1>"), "text"),
        (File("a.txt", "text/plain", content=b"\xff\xfe"), "none"),
        (File("a.txt", "text/plain", content=b"a\x00b"), "none"),
        (File("a.txt", "application/x-unknown", content="a"), "none"),
        (File("a.gz", "application/gzip", size=12, url="/files/1"), "none"),
        (File("notes", "text/plain; charset=utf-8", content=b"caf\xc3\xa9"), "text"),
        (File("a.txt", "text/plain"), "none"),
    ],
)
def test_preview__goes_by_the_declared_type(file: File, kind: str) -> None:
    assert previews.preview(file).kind == kind
    page_of("{% preview file %}", file=file)


def test_preview__html_is_shown_as_its_source() -> None:
    page = page_of("{% preview f %}", f=File("a.html", "text/html", content="<h1>Hello</h1>"))
    assert not page.named("h1")
    assert "<h1>Hello</h1>" in page.text


def test_preview__csv_shows_a_hundred_rows() -> None:
    text = "n,m\n" + "".join(f"{n},x\n" for n in range(1_000))
    read_file = previews.preview(File("a.csv", "text/csv", content=text))
    assert len(read_file.rows) == 100
    assert read_file.notice == "Only the first 100 rows are shown."


@given(st.text() | st.binary(), st.sampled_from(["a.csv", "a.json", "a.md", "a.txt", "a"]))
def test_preview__never_fails(content: str | bytes, name: str) -> None:
    page_of("{% preview f %}", f=File(name, "", content=content, url="/x"))


@pytest.mark.parametrize(
    "content", ["[" * 12_500, '"' * 37_500, "a," * 12_500, "1" * 12_500, '"a\n' * 6_250]
)
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.txt"])
def test_preview__is_bounded(name: str, content: str) -> None:
    files = [File(name, content=content * times) for times in (1, 8)]
    assert_no_slower(*(partial(html_of, "{% preview f %}", f=file) for file in files))
