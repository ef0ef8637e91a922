"""What stands in the way of closing an item."""

from __future__ import annotations

from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item

_NAMED = 5


def open_work(item: Item, *, also_closing: frozenset[int] = frozenset()) -> list[str]:
    """Sentences; empty when it may be closed. What closes in the same step does not stand in the
    way."""
    found: list[str] = []
    if item.open_blockers:
        found += _before(item, also_closing)
    children = item.children.filter(active=True).exclude(pk__in=also_closing)
    keys = list(children.order_by("id").values_list("key", flat=True)[: _NAMED + 1])
    if keys:
        found.append(f"has open children {_some(keys)}")
    return found


def _before(item: Item, also_closing: frozenset[int]) -> list[str]:
    blockers = Dependency.objects.filter(
        item=item, kind__in=vocabulary.BLOCKING, target__active=True
    ).exclude(target_id__in=also_closing)
    awaited = Dependency.objects.filter(item=item, kind=vocabulary.WAITS, unmet=True)
    found = []
    keys = list(blockers.order_by("target_id").values_list("target__key", flat=True)[: _NAMED + 1])
    if keys:
        found.append(f"blocked by open issues {_some(keys)}")
    keys = list(awaited.order_by("target_id").values_list("target__key", flat=True)[: _NAMED + 1])
    if keys:
        found.append(f"waits for the children of {_some(keys)}")
    return found


def _some(keys: list[str]) -> str:
    if len(keys) > _NAMED:
        return f"[{', '.join(keys[:_NAMED])}, …]"
    return f"[{', '.join(keys)}]"
