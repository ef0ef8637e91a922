"""Cells of lists that more than one word stands in, drawn by templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe


def drawn(template: str, context: Mapping[str, Any]) -> SafeString:
    """Escaped by the template, like all that is shown."""
    return mark_safe(get_template(template).render(dict(context)).strip())  # noqa: S308
