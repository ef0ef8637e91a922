"""Items: listed, made, looked at, changed, and what is done with them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import F, IntegerField, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import Invalid
from controlplane.work import services
from controlplane.work.api import examples, forms
from controlplane.work.api.common import (
    FEW,
    OfItem,
    few_shared,
    items_of,
    named_in_body,
    project_named,
)
from controlplane.work.api.filtering import ItemFilter, by_label
from controlplane.work.models import Item
from controlplane.work.services import graph, queues

SORTS: dict[str, tuple[str, ...]] = {
    "priority": ("priority", "-created_at", "id"),
    "newest": ("-created_at", "-id"),
    "oldest": ("created_at", "id"),
    "updated": ("-updated_at", "-id"),
    "key": ("key", "id"),
    "title": ("title", "id"),
    "score": ("-rank", "id"),
}
# Impact for effort, as a whole number: pages are ordered by columns that are never empty.
RANK = Coalesce(F("impact") * Value(1_000) / F("effort"), Value(0), output_field=IntegerField())


def shape_item(row: dict[str, Any]) -> dict[str, Any]:
    impact, effort = row["impact"], row["effort"]
    row["score"] = impact / effort if impact and effort else None
    row["revision"] = str(row["revision"])
    return row


class ItemList(ListView):
    """Shared by every list of items."""

    output = forms.ItemRow
    filterset = ItemFilter
    query = ("project",)
    sorts: ClassVar[Mapping[str, Any]] = SORTS
    tags = ["work"]
    is_kept = True

    def also_by(self, request: Any) -> Hashable:
        few = few_shared(request)
        setattr(request, FEW, few)
        return None if few is None else tuple(few)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = items_of(request).annotate(rank=RANK)
        return rows

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if not by_label(request._request.GET):
            return super().get(request, *args, **kwargs)
        with queues.alone():
            return super().get(request, *args, **kwargs)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shape_item(row)


class ItemsView(ItemList):
    """Items of the workspace, the most pressing first

    Of every project that is in use; `?project=` (uid or name) for one. Sandboxes are listed only
    so, and only one's own.
    """

    actions = {"GET": "work.view", "POST": "work.create"}
    inputs = {"POST": forms.ItemNew}
    outputs = {"POST": forms.ItemDetail}
    examples = {"GET": examples.page(examples.ITEM), "POST": examples.NEW}
    errors = (422,)

    def post(self, request: Any) -> HttpResponse:
        """Open an item"""
        values = self.read(request)
        project = project_named(request, values.pop("project", ""))
        item = services.create_item(project, actor=request.actor, **new_values(request, values))
        return created(show(item), f"{request.path}/{item.key}")


def new_values(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    named_in_body(request, values, "parent")
    return renamed(values)


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Beads' name outside, ours inside."""
    if "issue_type" in values:
        values["item_type"] = values.pop("issue_type")
    return values


def show(item: Item) -> dict[str, Any]:
    """One item a service returned, as it is now."""
    return ItemView().show(Item.objects.select_related("project", "parent").get(pk=item.pk))


class ItemView(OfItem):
    """One item

    The ETag changes with every change of the item: send it as If-Match with a change, and it is
    refused (412) when somebody was faster.
    """

    actions: ClassVar[Mapping[str, str]] = {"GET": "work.view", "PATCH": "work.update"}
    output = forms.ItemDetail
    inputs: ClassVar[Mapping[str, Any]] = {"PATCH": forms.ItemChange}
    outputs: ClassVar[Mapping[str, Any]] = {"PATCH": forms.ItemDetail}
    extra_columns = ("extra",)
    if_match: ClassVar[Mapping[str, str]] = {"PATCH": "optional"}
    errors: ClassVar[Collection[int]] = (422,)
    examples: ClassVar[Mapping[str, Any]] = {"GET": examples.DETAIL, "PATCH": examples.CHANGE}

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = Item(extra=row.pop("extra"))
        row |= {"await_type": kept.await_type, "await_id": kept.await_id}
        return shape_item(row)

    def get(self, request: Any, key: str) -> HttpResponse:
        return super().get(request, **self.named(request, key))

    def patch(self, request: Any, key: str) -> HttpResponse:
        """Change an item"""
        values = self.read(request)
        item = self.item(request, key)
        moves = "parent" in values
        named_in_body(request, values, "parent")
        parent = values.pop("parent", None)
        if "labels" in values:
            values["set_labels"] = values.pop("labels")
        with transaction.atomic():  # both, or neither
            if moves:
                graph.lock(item.workspace_id)  # before the update holds the row
            if values:
                services.update_item(item, actor=request.actor, **renamed(values))
            if moves:
                services.set_parent(item, parent, actor=request.actor)
        return JsonAnswer(show(item))


class ItemDeed(ItemView):
    """Shared by routes that act on one item and answer with it."""

    outputs: ClassVar[Mapping[str, Any]] = {"POST": forms.ItemDetail}
    if_match: ClassVar[Mapping[str, str]] = {"POST": "optional"}
    errors = (409, 422)


class CloseView(ItemDeed):
    """Close an item

    Refused (422) while a blocker or a child is open, and for operations items without a reason,
    unless forced with a reason by somebody who may. Closing a closed one changes its reason.
    """

    actions = {"POST": "work.close"}
    inputs = {"POST": forms.CloseInput}
    examples = {"POST": {"reason": "Deployed, watched for an hour, error rate 0.2 %."}}

    def post(self, request: Any, key: str) -> HttpResponse:
        item = self.item(request, key)
        services.close_item(item, actor=request.actor, **self.read(request))
        return JsonAnswer(show(item))


class ReopenView(ItemDeed):
    """Reopen a closed item. What waits for it waits again."""

    actions = {"POST": "work.reopen"}
    inputs = {"POST": forms.ReasonInput}
    examples = {"POST": {"reason": "The error came back."}}

    def post(self, request: Any, key: str) -> HttpResponse:
        item = self.item(request, key)
        services.reopen_item(item, actor=request.actor, **self.read(request))
        return JsonAnswer(show(item))


class ClaimView(ItemDeed):
    """Take an item. Of any number who try, exactly one is told yes; the others 409."""

    actions = {"POST": "work.claim"}
    inputs = {"POST": NoInput}
    examples = {"POST": {}}

    def post(self, request: Any, key: str) -> HttpResponse:
        self.read(request)
        item = self.item(request, key)
        services.claim(item, actor=request.actor)
        return JsonAnswer(show(item))


class DeferView(ItemDeed):
    """Put an item off, until a day or until somebody takes it up."""

    actions = {"POST": "work.update"}
    inputs = {"POST": forms.DeferInput}
    examples = {"POST": {"until": "2026-01-15T08:00:00Z"}}

    def post(self, request: Any, key: str) -> HttpResponse:
        item = self.item(request, key)
        services.defer_item(item, actor=request.actor, **self.read(request))
        return JsonAnswer(show(item))


class UndeferView(ItemDeed):
    """Take an item up again that was put off."""

    actions = {"POST": "work.update"}
    inputs = {"POST": NoInput}
    examples = {"POST": {}}

    def post(self, request: Any, key: str) -> HttpResponse:
        self.read(request)
        item = self.item(request, key)
        services.undefer_item(item, actor=request.actor)
        return JsonAnswer(show(item))


class WatchView(ItemDeed):
    """Hear of an item's changes, or no more."""

    actions = {"POST": "work.watch"}
    inputs = {"POST": forms.WatchInput}
    outputs = {"POST": forms.WatchAnswer}
    if_match = {}
    examples = {"POST": {"on": True}}

    def post(self, request: Any, key: str) -> HttpResponse:
        on = self.read(request)["on"]
        item = self.item(request, key)
        user = User.objects.filter(pk=request.actor.user_id or 0).first()
        if user is None:
            raise Invalid("Only people follow items.")
        services.watch(item, user, actor=request.actor, on=on)
        return JsonAnswer({"watching": on})


class EnsureView(PortalAPIView):
    """Locate or open the one item for a key

    Among all items that are not done, whatever their status; a new one is opened only where there
    is none. Two who ask at once get the same item.
    """

    actions = {"POST": "work.create"}
    inputs = {"POST": forms.Ensure}
    outputs = {"POST": forms.Ensured}
    examples = {"POST": examples.ENSURE}
    tags = ["work"]

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        project = project_named(request, values.pop("project", ""))
        key = values.pop("key")
        found = services.ensure(project, key, actor=request.actor, **new_values(request, values))
        return JsonAnswer({"item": show(found.item), "created": found.created})


class ReadyView(ItemList):
    """What can be begun now: open, not put off, nothing before it

    Blockers count at any distance: what stands under a blocked parent is not ready.
    """

    actions = {"GET": "work.view"}
    examples = {"GET": examples.page(examples.ITEM)}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return super().rows(request).ready()  # type: ignore[attr-defined,no-any-return]


class ReadyClaimView(PortalAPIView):
    """Take the first ready item that nobody has

    Workers who ask at once get different items, and none waits for another.
    """

    actions = {"POST": "work.claim"}
    inputs = {"POST": forms.ClaimInput}
    outputs = {"POST": forms.ClaimAnswer}
    examples = {"POST": {"labels": ["ops"]}}
    tags = ["work"]

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        project = project_named(request, values.pop("project", ""))
        kind = values.get("issue_type")
        rows = project.items.ready(types=[kind] if kind else ())
        rows = rows.with_labels(values.get("labels", ()))
        rows = rows.with_any_label(values.get("labels_any", ()))
        if "priority" in values:
            rows = rows.filter(priority=values["priority"])
        with queues.alone():
            rows = queues.selective(rows) if by_label(values) else rows
            item = services.claim_next(project, actor=request.actor, rows=rows)
        return JsonAnswer({"item": None if item is None else show(item)})
