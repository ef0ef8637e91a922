"""The item of a review is open for as long as something of it is to be done, and again when it is
written on."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef

from controlplane.work import services as work
from controlplane.work.models import Item
from incidents.models import IncidentReview
from incidents.records.noting import PORTAL
from incidents.reviews.holding import hold_review

_AT_ONCE = 50


def settle() -> int:
    """How many were closed."""
    undone = Item.objects.filter(parent=OuterRef("item_id")).exclude(category="done")
    rows = IncidentReview.objects.filter(status="published").exclude(item__category="done")
    ready = rows.filter(~Exists(undone)).select_related("incident").order_by("pk")
    return sum(_close(row) for row in ready[:_AT_ONCE])


def open_again(row: IncidentReview, why: str) -> None:
    """Callers hold it with the graph of work."""
    if row.item.is_closed:
        row.item = work.reopen_item(row.item, actor=PORTAL, reason=why)


@transaction.atomic
def _close(review: IncidentReview) -> bool:
    row = hold_review(review, with_work=True)
    if row.item.is_closed or row.item.children.exclude(category="done").exists():
        return False
    if row.status != IncidentReview.Status.PUBLISHED:
        return False
    work.close_item(row.item, actor=PORTAL, reason="Published, and all that came of it is done.")
    return True
