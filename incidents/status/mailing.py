"""Who subscribed is told by mail of what customers are told. One row of the outbox stands for each
piece of news, and spreads it in portions; each mail is a row of its own, and its address is read
when it is sent: who left meanwhile gets none."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.jobs import leases
from controlplane.lib import clock, defaults
from controlplane.notify import outbox
from controlplane.notify.channels.base import Message, Outcome
from controlplane.notify.channels.email import Email
from controlplane.notify.models import OutboxMessage
from incidents.models import StatusPage, StatusSubscriber
from incidents.status import links, news

NEWS, CONFIRM, SPREAD = "status.news", "status.confirm", "status.spread"
PORTION = defaults.define(
    "status.mail_portion",
    200,
    unit="mails",
    why="So many of one page stand in the outbox at a time: what is urgent waits behind no more.",
)
_PAUSE_S = 5.0
# A transaction that began before the last look may commit after it.
_OVERLAP = timedelta(minutes=5)


def tell(page: StatusPage) -> int:
    """What was said since the last look, once. Answers how many pieces of news were new."""
    row = StatusPage.objects.select_for_update(no_key=True).get(pk=page.pk)
    now = clock.now()
    found = {_key(row, each): each for each in news.since(row, row.told_until - _OVERLAP)}
    known = set(OutboxMessage.objects.filter(key__in=found).values_list("key", flat=True))
    for key, each in found.items():
        if key not in known:
            outbox.enqueue(SPREAD, {"page": row.pk, "after": 0, **each.about}, key=key,
                           workspace_id=row.workspace_id)  # fmt: skip
    StatusPage.objects.filter(pk=row.pk).update(told_until=now)
    return len(found.keys() - known)


def _key(page: StatusPage, each: news.News) -> str:
    return f"{SPREAD}:{page.uid}:{each.key}"


@outbox.topic(SPREAD)
def spread(message: OutboxMessage) -> Outcome:
    """To everybody who had confirmed when it was said: a portion now, and the next one by the next
    message. Done twice it writes nothing twice."""
    asked = message.payload
    page = StatusPage.objects.in_force().filter(pk=asked["page"]).first()
    said = news.find(page, asked) if page is not None else None
    if page is None or said is None:
        return Outcome("suppressed", "nothing to tell any more")
    waiting = OutboxMessage.objects.filter(
        workspace=page.workspace_id, topic=NEWS, state__in=leases.OPEN
    )
    if waiting.count() >= PORTION.value:
        return Outcome("held", "earlier mails of this page are on their way", retry_after=_PAUSE_S)
    readers = page.subscribers.confirmed().filter(confirmed_at__lte=said.at, pk__gt=asked["after"])
    some = list(readers.order_by("pk").values_list("pk", "uid")[: PORTION.value])
    with transaction.atomic():
        for _, uid in some:
            mail = {**said.about, "subscriber": str(uid)}
            key = f"{NEWS}:{said.key}:{uid}"
            outbox.enqueue(NEWS, mail, key=key, workspace_id=page.workspace_id)
        if len(some) == PORTION.value:
            rest = {**asked, "after": some[-1][0]}
            key = f"{_key(page, said)}:{rest['after']}"
            outbox.enqueue(SPREAD, rest, key=key, workspace_id=page.workspace_id)
    return Outcome("accepted", f"{len(some)} mails")


@outbox.topic(NEWS)
def deliver_news(message: OutboxMessage) -> Outcome:
    reader = _reader(message)
    said = news.find(reader.page, message.payload) if reader is not None else None
    if reader is None or said is None or reader.confirmed_at is None:
        return Outcome("suppressed", "left meanwhile")
    leave = links.leave(reader)
    return Email().send(
        reader.email, "", Message(
            key=message.key, subject=f"{reader.page.title}: {said.subject}"[:200],
            body=f"{said.text}\n\nNot to be told any more: {leave}", urgency="normal",
            kind=NEWS, workspace="", about="", sent_at=clock.now().isoformat(),
            link=said.link, wishes=leave,
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
    """None where they left, or the page is not read any more."""
    rows = StatusSubscriber.objects.select_related("page")
    rows = rows.filter(page__in=StatusPage.objects.in_force())
    found: StatusSubscriber | None = rows.filter(uid=message.payload["subscriber"]).first()
    return found
