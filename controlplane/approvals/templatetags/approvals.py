"""`{% load approvals %}`: addresses on whichever of the two doors the page stands behind."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from controlplane.approvals.links import CONSOLE, Places
from controlplane.approvals.shown import comparing

register = template.Library()


@register.simple_tag(takes_context=True)
def packet_url(context: Context, request: Any) -> str:
    places: Places = context.get("places") or CONSOLE
    return places.url("packet", request)


@register.simple_tag(takes_context=True)
def file_url(context: Context, link: Any) -> str:
    """Of a file that hangs on the work item."""
    places: Places = context.get("places") or CONSOLE
    return places.url("file", link)


@register.simple_tag(takes_context=True)
def named(context: Context, ref: str) -> dict[str, str]:
    """Somebody a packet names by ref, for `{% person %}`; unknown ones stay a ref."""
    names: dict[str, str] = context.get("people") or {}
    kind = "agent" if ref.startswith("agent:") else "person"
    return {"kind": kind, "label": names.get(ref, ref), "ref": ref}


@register.simple_tag
def aligned(before: Any, after: Any) -> tuple[Any, Any]:
    """Two packets made ready for `{% changes %}`."""
    return comparing.aligned(before, after)
