"""Who subscribed is told by mail of what customers are told. Each mail is a row of the outbox, and
its address is read when it is sent: who left meanwhile gets none."""

from __future__ import annotations

from datetime import timedelta

from controlplane.lib import clock
from controlplane.notify import outbox
from controlplane.notify.channels.base import Message, Outcome
from controlplane.notify.channels.email import Email
from controlplane.notify.models import OutboxMessage
from incidents.models import StatusPage, StatusSubscriber, Update
from incidents.status import links

NEWS, CONFIRM = "status.news", "status.confirm"
# A transaction that began before the last look may commit after it.
_OVERLAP = timedelta(minutes=5)


def tell(page: StatusPage) -> int:
    """What was told to customers since the last look, to everybody who confirmed."""
    row = StatusPage.objects.select_for_update(no_key=True).get(pk=page.pk)
    now = clock.now()
    news = Update.objects.filter(
        workspace=row.workspace_id, audience="customers", status="posted",
        posted_at__gt=row.told_until - _OVERLAP,
    ).exclude(incident__origin="drill")  # fmt: skip
    count = 0
    for update in news.order_by("posted_at"):
        readers = row.subscribers.confirmed().filter(confirmed_at__lte=update.posted_at)
        for uid in readers.values_list("uid", flat=True):
            outbox.enqueue(
                NEWS,
                {"update": update.pk, "subscriber": str(uid)},
                key=f"{NEWS}:{update.uid}:{uid}",
                workspace_id=row.workspace_id,
            )
            count += 1
    StatusPage.objects.filter(pk=row.pk).update(told_until=now)
    return count


@outbox.topic(NEWS)
def deliver_news(message: OutboxMessage) -> Outcome:
    reader = _reader(message)
    update = Update.objects.filter(pk=message.payload["update"]).select_related("incident").first()
    if reader is None or update is None or reader.confirmed_at is None:
        return Outcome("accepted", "left meanwhile")
    leave = links.leave(reader)
    return Email().send(
        reader.email, "", Message(
            key=message.key, subject=f"{reader.page.title}: {update.subject}"[:200],
            body=f"{update.text}\n\nNot to be told any more: {leave}", urgency="normal",
            kind=NEWS, workspace="", about="", sent_at=clock.now().isoformat(),
            link=f"{links.page(reader.page)}/incidents/{update.incident.uid}", wishes=leave,
        )
    )  # fmt: skip


@outbox.topic(CONFIRM)
def deliver_confirm(message: OutboxMessage) -> Outcome:
    """The way in is made now and stands nowhere but in the mail."""
    reader = _reader(message)
    if reader is None or reader.confirmed_at is not None:
        return Outcome("accepted", "nothing to confirm")
    return Email().send(
        reader.email, "", Message(
            key=message.key, subject=f"Confirm: news of {reader.page.title}"[:200],
            body="Somebody, you we hope, asked to be told by mail what is written on this page."
            " If it was not you, do nothing: without the link below nothing is sent.",
            urgency="normal", kind=CONFIRM, workspace="", about="",
            sent_at=clock.now().isoformat(), link=links.confirm(reader),
        )
    )  # fmt: skip


def _reader(message: OutboxMessage) -> StatusSubscriber | None:
    rows = StatusSubscriber.objects.select_related("page")
    found: StatusSubscriber | None = rows.filter(uid=message.payload["subscriber"]).first()
    return found if found is not None and found.page.is_open else None
