"""Markdown as people and agents write it, made harmless.

Two guards that know nothing of each other: the renderer has raw HTML switched off and asks
`links.safe_url` about every address, and what it wrote is read again by a sanitiser with a list
of allowed tags. Pictures become links: a page that loads an address somebody else chose tells
them who is reading.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from controlplane.console.kit.links import safe_url, split_refs

MOST_BYTES = 64 * 1024
# Looking for the end of a link costs a walk for each bracket that has none.
MOST_BRACKETS = 4_000
MOST_NESTING = 20

_URL = re.compile(r"(https?://[^\s<>\"'`|\\^{}]+)")
_URL_TAIL = re.compile(r"[.,;:!?)\]*_~]+\Z")
_TASK = re.compile(r"\[([ xX])\] ")
_ALIGN = {"text-align:right": "kit-right", "text-align:center": "kit-centre"}

ALLOWED: dict[str, set[str]] = {
    "a": {"href", "title", "class"},
    "blockquote": set(), "br": set(), "code": set(), "div": {"class", "tabindex"}, "em": set(),
    "h3": set(), "h4": set(), "h5": set(), "h6": set(), "hr": set(), "li": {"class"},
    "ol": {"start"}, "p": set(), "pre": {"tabindex"}, "s": set(),
    "span": {"class", "role", "aria-label"}, "strong": set(), "table": set(), "tbody": set(),
    "td": {"class"}, "th": {"class"}, "thead": set(), "tr": set(), "ul": set(),
}  # fmt: skip
_cleaner = nh3.Cleaner(
    tags=set(ALLOWED),
    attributes={name: names for name, names in ALLOWED.items() if names},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
    clean_content_tags={"script", "style"},
)


# As the cleaner writes links. Nothing of a text stands before the words of its own link.
_INTO_CONSOLE = re.compile(r'<a (?:[^>]* )?href="[^"]*?/admin/[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def render(text: Any) -> SafeString:
    """HTML of this Markdown. What is too large is shown as it was written."""
    source = str(text if text is not None else "").encode("utf-8", "replace").decode()
    if len(source.encode()) > MOST_BYTES or source.count("[") > MOST_BRACKETS:
        return mark_safe(f'<pre tabindex="0">{escape(source[:MOST_BYTES])}</pre>')  # noqa: S308
    html: str = _renderer.render(source)
    return mark_safe(_cleaner.clean(html))  # noqa: S308


def render_outside(text: Any) -> SafeString:
    """For people without an account: what leads into the console is words there, refs included."""
    return mark_safe(_INTO_CONSOLE.sub(r"\1", render(text)))  # noqa: S308


def too_large(text: Any) -> bool:
    return len(str(text if text is not None else "").encode("utf-8", "replace")) > MOST_BYTES


# --- What is changed between reading and writing ------------------------------------------------


def _reshape(state: StateCore) -> None:
    for index, token in enumerate(state.tokens):
        if token.type in {"heading_open", "heading_close"}:
            # The page's own headings are h1 and h2.
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        elif token.type in {"th_open", "td_open"}:
            align = str(token.attrs.pop("style", "")).replace(" ", "")
            if align in _ALIGN:
                token.attrSet("class", _ALIGN[align])
        elif token.type == "inline":
            token.children = _inline(token.children or [])
            _task(state.tokens, index)


def _task(tokens: list[Token], index: int) -> None:
    """`- [x] done`: a list item that begins with a box."""
    item = tokens[index - 2] if index >= 2 else None
    children = tokens[index].children or []
    if item is None or item.type != "list_item_open" or not children:
        return
    box = _TASK.match(children[0].content) if children[0].type == "text" else None
    if box is None:
        return
    done = box[1] != " "
    children[0].content = children[0].content[box.end() :]
    mark = Token("html_inline", "", 0)
    mark.content = (
        f'<span class="kit-task{" kit-task-done" if done else ""}" role="img"'
        f' aria-label="{"done" if done else "to do"}">{"✓" if done else ""}</span> '
    )
    children.insert(0, mark)
    item.attrSet("class", "kit-task-item")


def _inline(children: list[Token]) -> list[Token]:
    out: list[Token] = []
    opened: list[bool] = []  # of each open link: does it lead anywhere?
    for token in children:
        if token.type == "link_open":
            opened.append(bool(safe_url(token.attrs.get("href"))))
            out += [token] if opened[-1] else []
        elif token.type == "link_close":
            out += [token] if opened.pop() else []
        elif token.type == "image":
            out += _picture(token, linked=bool(opened))
        elif token.type == "text" and not opened:
            out += _words(token.content)
        else:
            out.append(token)
    return out


def _picture(token: Token, *, linked: bool) -> list[Token]:
    words = f"picture: {token.content.strip() or 'without a name'}"
    address = safe_url(token.attrs.get("src"))
    return [_text(words)] if linked or not address else _link(address, words, "kit-picture")


def _words(text: str) -> list[Token]:
    """Text with its addresses and refs as links."""
    out: list[Token] = []
    for index, part in enumerate(_URL.split(text)):
        if index % 2:
            tail = _URL_TAIL.search(part)
            address = part[: tail.start()] if tail else part
            out += _link(address, address)
            out += [_text(tail[0])] if tail else []
        else:
            for words, address in split_refs(part):
                out += _link(address, words, "kit-ref") if address else [_text(words)]
    return out


def _text(words: str) -> Token:
    token = Token("text", "", 0)
    token.content = words
    return token


def _link(address: str, words: str, name: str = "") -> list[Token]:
    opening = Token("link_open", "a", 1)
    opening.attrSet("href", address)
    if name:
        opening.attrSet("class", name)
    return [opening, _text(words), Token("link_close", "a", -1)]


def _build() -> MarkdownIt:
    renderer = MarkdownIt("js-default", {"html": False, "maxNesting": MOST_NESTING})
    renderer.validateLink = lambda url: bool(safe_url(url))  # type: ignore[method-assign]
    renderer.core.ruler.after("inline", "reshape", _reshape)
    # Wide tables and long lines scroll in their own box, which the keyboard can reach.
    renderer.add_render_rule("table_open", _table_open)
    renderer.add_render_rule("table_close", _table_close)
    renderer.add_render_rule("fence", _code)
    renderer.add_render_rule("code_block", _code)
    return renderer


def _table_open(_self: Any, *_: Any) -> str:
    return '<div class="kit-md-table" tabindex="0"><table>\n'


def _table_close(_self: Any, *_: Any) -> str:
    return "</table></div>\n"


def _code(_self: Any, tokens: list[Token], index: int, *_: Any) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


_renderer = _build()
