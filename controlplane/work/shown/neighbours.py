"""Who stands around an item, by how: the groups of its page, and the list of each that is long."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item

GROUPS = {
    "before": "Waits for",
    "after": "Holds up",
    "parent": "Part of",
    "parts": "Parts",
    "related": "Related",
}
# As a list of them is headed, the item's key after it.
TITLES = {
    "before": "What stands before",
    "after": "What waits for",
    "parent": "The whole of",
    "parts": "Parts of",
    "related": "Related to",
}
PARAMETER = "around"
_BLOCK = (*vocabulary.BLOCKING, vocabulary.WAITS)


def place(kind: str, *, forth: bool) -> str:
    """The group of the other end of an edge, seen from its first item or from its second."""
    if kind == vocabulary.PARENT:
        return "parent" if forth else "parts"
    if kind in _BLOCK:
        return "before" if forth else "after"
    return "related"


def url(item: Item, group: str) -> str:
    asked = urlencode({PARAMETER: f"{group}:{item.uid}"})
    return f"{reverse('admin:work_item_changelist')}?{asked}"


def standing(rows: Any, item: Item, group: str) -> Any:
    """Those of these rows that stand so to this item."""
    edges = Dependency.objects.all()
    if group == "parts":
        return rows.filter(parent=item)
    if group == "parent":
        return rows.filter(pk=item.parent_id)
    if group == "before":
        return rows.filter(pk__in=edges.filter(item=item, kind__in=_BLOCK).values("target_id"))
    if group == "after":
        return rows.filter(pk__in=edges.filter(target=item, kind__in=_BLOCK).values("item_id"))
    other = edges.exclude(kind__in=(*_BLOCK, vocabulary.PARENT))
    return rows.filter(
        Q(pk__in=other.filter(item=item).values("target_id"))
        | Q(pk__in=other.filter(target=item).values("item_id"))
    )
