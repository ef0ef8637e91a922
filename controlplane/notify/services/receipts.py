"""What a gateway tells afterwards: whether it arrived."""

from __future__ import annotations

from django.db import transaction

from controlplane.lib import clock
from controlplane.lib.text import short
from controlplane.notify import delivering, settling
from controlplane.notify.deliveries import Event
from controlplane.notify.models import Delivery

Receipt = Delivery.Receipt
# Receipts may come in any order, and twice: none takes back a later one.
_RANK = {
    Receipt.NONE: 0,
    Receipt.QUEUED: 1,
    Receipt.DELIVERED: 3,
    Receipt.ANSWERED: 3,
    Receipt.FAILED: 3,
    Receipt.BUSY: 3,
    Receipt.NO_ANSWER: 3,
}


@transaction.atomic
def note_receipt(delivery: Delivery, receipt: str, *, detail: str = "") -> Delivery:
    """Keep it. One that says it did not arrive makes the delivery a failed one, so that its
    owner tries the next way at once."""
    rows = Delivery.objects.select_for_update(of=("self",)).select_related(*delivering.RELATED)
    row: Delivery = rows.get(pk=delivery.pk)
    kind = Receipt(receipt)
    if _RANK[kind] <= _RANK[Receipt(row.receipt)]:
        return row
    row.receipt, row.receipt_at = kind, clock.now()
    row.receipt_detail = short(detail, 200)
    # While it still waits the gateway was quicker than its own answer; that settles it.
    missed = kind in Delivery.MISSED and row.state == Delivery.State.SENT
    if missed:
        row.state = Delivery.State.UNDELIVERED
        row.why = short(f"{kind.label}: {detail}" if detail else kind.label, 200)
    row.save(update_fields=["receipt", "receipt_at", "receipt_detail", "state", "why"])
    if missed:
        settling.announce(row, Event.UNDELIVERED)
    elif kind in (Receipt.DELIVERED, Receipt.ANSWERED) and row.state == Delivery.State.SENT:
        settling.announce(row, Event.DELIVERED)
    return row
