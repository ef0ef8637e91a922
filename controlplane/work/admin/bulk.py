"""Buttons for selected items. Most ask something first, so each leads to a page that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from controlplane.access import policy
from controlplane.base.admin import bulk
from controlplane.base.admin.buttons import buttons_of
from controlplane.base.admin.doors import BULK_ROWS
from controlplane.base.web import actor_of
from controlplane.work.models import Item
from controlplane.work.web import many

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _Admin

    _Base = _Admin[Any]
else:
    _Base = object


class BulkItems(_Base):
    """Mixed into the items' admin."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actor = actor_of(request)
        return {
            entry.name: (_asking(entry.name), entry.name, entry.label)
            for entry in buttons_of(type(self), "selection")
            if policy.can(actor, entry.action)
        }

    @bulk(label="Claim", action="work.claim")
    def claim_many(self, request: HttpRequest, items: list[Item], reason: str) -> HttpResponse:
        return many.begin(request, "claim", items)

    @bulk(label="Close…", action="work.close")
    def close_many(self, request: HttpRequest, items: list[Item], reason: str) -> HttpResponse:
        return many.begin(request, "close", items)

    @bulk(label="Add label…", action="work.update")
    def label_many(self, request: HttpRequest, items: list[Item], reason: str) -> HttpResponse:
        return many.begin(request, "label", items)

    @bulk(label="Set priority…", action="work.update")
    def rank_many(self, request: HttpRequest, items: list[Item], reason: str) -> HttpResponse:
        return many.begin(request, "priority", items)

    @bulk(label="Put off…", action="work.update")
    def defer_many(self, request: HttpRequest, items: list[Item], reason: str) -> HttpResponse:
        return many.begin(request, "defer", items)


def _asking(name: str) -> Callable[[Any, HttpRequest, Any], HttpResponse | None]:
    def run(model_admin: Any, request: HttpRequest, rows: Any) -> HttpResponse | None:
        chosen = list(rows[: BULK_ROWS.value + 1])
        if len(chosen) > BULK_ROWS.value:
            messages.error(request, f"At most {BULK_ROWS.value} rows at once.")
            return None
        answer: HttpResponse = getattr(model_admin, name)(request, chosen, "")
        return answer

    return run
