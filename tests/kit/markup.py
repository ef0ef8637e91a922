"""Reading rendered HTML strictly: tags closed in order, no style, no handlers, no script."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

VOID = frozenset(["br", "hr", "img", "input", "link", "meta", "path", "rect", "wbr"])
FORBIDDEN = frozenset(["script", "style", "iframe", "object", "embed", "base", "form", "math"])
ADDRESSES = frozenset(["href", "src", "action", "formaction", "xlink:href"])
HARMLESS = ("/", "?", "#", "http://", "https://", "mailto:")


class Tag(NamedTuple):
    name: str
    attributes: dict[str, str]


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Tag] = []
        self.text = ""
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.wrong += [f"<{name}> is never closed" for name in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))
        self._look(self.tags[-1], attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))
        self._look(self.tags[-1], attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.wrong.append("a comment")

    def _look(self, tag: Tag, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.wrong.append(f"<{tag.name}> says an attribute twice")
        if tag.name in FORBIDDEN:
            self.wrong.append(f"<{tag.name}>")
        for name, value in tag.attributes.items():
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"<{tag.name} {name}>")
            if name in ADDRESSES and not value.startswith(HARMLESS):
                self.wrong.append(f"<{tag.name} {name}={value!r}>")

    def named(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]

    def having(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if name in tag.attributes.get("class", "").split()]


def read(html: str) -> Page:
    """The page, once it has been found well formed and harmless."""
    page = Page(html)
    assert not page.wrong, page.wrong[:5]
    ids = [tag.attributes["id"] for tag in page.tags if "id" in tag.attributes]
    assert len(set(ids)) == len(ids), "two elements of one id"
    return page
