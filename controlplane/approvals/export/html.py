"""One file that needs nothing else: no script, no address to fetch, its styles inside."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from controlplane.approvals.export.content import Document


@cache
def _styles() -> SafeString:
    """Not in the template: pages of the portal have no styles inside, this file has no other."""
    css = (files(__package__) / "document.css").read_text(encoding="utf-8")
    return format_html("<style>{}</style>", mark_safe(css))  # noqa: S308 - our own file


def as_html(made: Document) -> bytes:
    page = render_to_string("approvals/export.html", {"made": made, "styles": _styles()})
    return page.encode()
