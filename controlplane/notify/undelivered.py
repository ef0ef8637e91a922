"""Critical news that reached nobody is news itself: a row that higher apps turn into an alert,
and a finding of the watch."""

from __future__ import annotations

from controlplane.base import signals
from controlplane.lib import clock
from controlplane.notify.models import Delivery, Method, Notification, Urgency

KIND = "notify.undelivered"


def look(notification: Notification) -> bool:
    """Has every way out failed? Called in the transaction of a failure. The inbox does not
    count: nobody is woken by it. What was stopped on purpose is no loss."""
    if notification.urgency != Urgency.CRITICAL:
        return False
    # The last two ways may fail in the same moment: one of them has to see both.
    locked = Notification.objects.select_for_update(of=("self",)).get(pk=notification.pk)
    out = Delivery.objects.filter(notification=locked).exclude(method=Method.INBOX)
    if out.exclude(state__in=Delivery.FAILED).exists():
        return False
    if locked.undelivered_at is None:
        Notification.objects.filter(pk=locked.pk).update(undelivered_at=clock.now())
    signals.emit(
        KIND,
        key=f"undelivered:{locked.uid}",
        payload={
            "notification": str(locked.uid),
            "kind": locked.kind,
            "subject": locked.subject,
            "about": locked.about,
            "tried": out.count(),
        },
        workspace_id=locked.workspace_id,
    )
    return True


def forget(notification: Notification) -> None:
    """It got through after all."""
    if notification.urgency == Urgency.CRITICAL and notification.undelivered_at is not None:
        Notification.objects.filter(pk=notification.pk, undelivered_at__isnull=False).update(
            undelivered_at=None
        )
