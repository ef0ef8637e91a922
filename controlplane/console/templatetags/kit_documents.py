"""Tags for texts and values: diffs, code, JSON, Markdown, files. Part of `{% load kit %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from controlplane.console.kit import code as code_lines
from controlplane.console.kit import diffs, drawn_timelines, previews, values

register = template.Library()


@register.inclusion_tag("kit/diff.html", name="diff")
def diff(
    before: Any, after: Any, label: str = "Changes", *, side_by_side: bool = False, context: int = 3
) -> dict[str, Any]:
    """Two texts, line by line, with the changed words marked and far lines folded."""
    return {
        "diff": diffs.compare(_text(before), _text(after), context=context),
        "label": label,
        "split": side_by_side,
    }


register.simple_tag(drawn_timelines.changes)


@register.inclusion_tag("kit/code.html")
def code(
    text: Any, language: str = "", label: str = "Code", *, anchor: str = "code", wrap: bool = False
) -> dict[str, Any]:
    """Numbered lines. `language`: json is highlighted; anything else is plain."""
    return {
        "code": code_lines.code(text, language=language, anchor=anchor),
        "language": language,
        "label": label,
        "wrap": wrap,
    }


@register.inclusion_tag("kit/json.html")
def json_view(value: Any, label: str = "JSON") -> dict[str, Any]:
    """A nested value that folds without script."""
    return {"tree": values.tree(value), "label": label}


@register.simple_tag(name="markdown")
def markdown_text(text: Any, outside: bool = False) -> SafeString:
    """CommonMark with tables, task lists, addresses and refs; no raw HTML, no pictures."""
    return drawn_timelines.prose(text, outside)


@register.inclusion_tag("kit/preview.html")
def preview(file: Any) -> dict[str, Any]:
    """A file with its name, type and size, shown as far as that is safe."""
    return {"preview": previews.preview(file)}


def _text(value: Any) -> str:
    return values.encodable(str(value if value is not None else ""))
