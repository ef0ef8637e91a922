"""What the tests of the kit share: rendering one line of a template, and strings that mean harm."""

from __future__ import annotations

from typing import Any

from django.template import Context, Engine
from hypothesis import strategies as st

from tests.kit.markup import Page, read

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</textarea></title></style></code></pre><svg onload=alert(1)>",
    "{{ 7|add:7 }}{% load x %}",
    "&lt;script&gt;&#60;b&#62;",
    "<!--",
    "]]><![CDATA[",
    "\x00\x08\u202e\u2028",
    "é" * 500,
    "x" * 500,
    "",
]
ADDRESSES = [
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>",
    "vbscript:x",
    "//evil.example",
    "/\\evil.example",
    "file:///etc/passwd",
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=25,
)


def html_of(line: str, **context: Any) -> str:
    template = Engine.get_default().from_string("{% load kit %}" + line)
    return template.render(Context(context))


def page_of(line: str, **context: Any) -> Page:
    return read(html_of(line, **context))
