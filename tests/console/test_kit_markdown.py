"""Markdown and files: harmless, and quick on texts made to be slow."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit import markdown, previews
from controlplane.console.kit.previews import File
from tests.console.kit_pages import ADDRESSES, HOSTILE, html_of, page_of
from tests.kit.markup import Page, read
from tests.kit.pace import assert_no_slower

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
