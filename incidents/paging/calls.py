"""Pages and what is sent for them, written together: for five hundred calls in as many statements
as for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from controlplane.audit.refs import subject_ref
from controlplane.jobs import nudges
from controlplane.lib import context
from controlplane.lib.ids import uuid7
from controlplane.lib.text import short
from controlplane.notify import outbox, wording
from controlplane.notify.models import (
    Delivery,
    InboxItem,
    MessageTemplate,
    Method,
    Notification,
    OutboxMessage,
    Urgency,
)
from incidents import links
from incidents.models import EscalationRun, Incident, Page
from incidents.paging.ways import Way, ways_of
from incidents.paging.who import Called

KIND = "page.incident"
wording.register(
    KIND,
    "Somebody is called to an incident",
    subject="{drill}{ref} {level}: {title}",
    body="You are called: {why}.\n\n{reason}{summary}\n\nAlso called: {others}.\n"
    "Acknowledge it, and nobody else is called.",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One who is called now by a step of a run."""

    run: EscalationRun
    step: int
    round: int
    called: Called
    others: tuple[str, ...] = ()


def urgency_of(incident: Incident) -> str:
    return Urgency.NORMAL.value if incident.severity in {"sev4", "p2"} else Urgency.CRITICAL.value


def write(calls: Sequence[Call], now: datetime) -> int:
    """The pages, their news, one delivery for each way that is taken at once, the outbox."""
    if not calls:
        return 0
    texts = _Words({call.run.workspace_id for call in calls})
    pages = [_page(call, now) for call in calls]
    news = Notification.objects.bulk_create(
        _news(page, call, texts, now) for page, call in zip(pages, calls, strict=True)
    )
    ways = _ways(calls)
    sent: list[tuple[Notification, Page, Way]] = []
    for page, row, call in zip(pages, news, calls, strict=True):
        page.notification = row
        if page.user_id is None:
            sent.append((row, page, Way(Method.CHANNEL.value)))
            continue
        mine = ways[urgency_of(call.run.incident)][page.user_id]
        at_once, page.next_at = split(mine, now, now)
        page.turn = len(at_once)
        sent.extend((row, page, way) for way in at_once)
    Page.objects.bulk_create(pages)
    send(sent, now)
    return len(pages)


def _page(call: Call, now: datetime) -> Page:
    run, called = call.run, call.called
    return Page(
        uid=uuid7(),
        workspace_id=run.workspace_id,
        run_id=run.pk,
        incident_id=run.incident_id,
        step=call.step,
        round=call.round,
        target=called.key[:80],
        user_id=called.user_id,
        channel_id=called.channel_id,
        why=short(called.why, 300),
        created_at=now,
    )


def _news(page: Page, call: Call, texts: _Words, now: datetime) -> Notification:
    incident = call.run.incident
    subject, body = texts.of(call)
    return Notification(
        workspace_id=page.workspace_id,
        key=f"page:{page.uid}",
        kind=KIND,
        urgency=urgency_of(incident),
        subject=subject,
        body=body[:8000],
        link=settings.PUBLIC_URL + links.page_of(incident),
        about=subject_ref(incident),
        correlation_id=context.current().correlation_id,
        created_at=now,
    )


def _ways(calls: Iterable[Call]) -> dict[str, Mapping[int, list[Way]]]:
    people: dict[str, set[int]] = {}
    for call in calls:
        if call.called.user_id is not None:
            people.setdefault(urgency_of(call.run.incident), set()).add(call.called.user_id)
    return {urgency: ways_of(who, urgency) for urgency, who in people.items()}


def split(ways: Sequence[Way], begun: datetime, now: datetime) -> tuple[list[Way], datetime | None]:
    """Those whose time has come, and when the next one's comes."""
    passed = (now - begun).total_seconds()
    due = [way for way in ways if way.after_s <= passed]
    later = [way.after_s for way in ways if way.after_s > passed]
    return due, (begun + timedelta(seconds=min(later)) if later else None)


def send(wanted: Sequence[tuple[Notification, Page, Way]], now: datetime) -> None:
    """A delivery for each, settled at once where it is our own inbox."""
    if not wanted:
        return
    inbox = Method.INBOX.value
    InboxItem.objects.bulk_create(
        (
            InboxItem(user_id=page.user_id, notification=row, created_at=now)
            for row, page, way in wanted
            if way.method == inbox
        ),
        ignore_conflicts=True,
    )
    Delivery.objects.bulk_create(
        [_delivery(row, page, way, now) for row, page, way in wanted if way.method == inbox]
    )
    outside = Delivery.objects.bulk_create(
        [_delivery(row, page, way, now) for row, page, way in wanted if way.method != inbox]
    )
    spaces = {row.pk: row.workspace_id for row, _, _ in wanted}
    OutboxMessage.objects.bulk_create(_message(one, spaces) for one in outside)
    if outside:
        nudges.after_commit()


def _delivery(row: Notification, page: Page, way: Way, now: datetime) -> Delivery:
    given: dict[str, Any] = {
        "notification": row, "method": way.method, "user_id": page.user_id,
        "channel_id": page.channel_id, "created_at": now,
    }  # fmt: skip
    if way.method == Method.INBOX.value:
        given |= {"state": Delivery.State.SENT.value, "settled_at": now}
    if way.contact_method_id is not None:
        given["contact_method_id"] = way.contact_method_id
    return Delivery(**given)


def _message(delivery: Delivery, spaces: Mapping[int, int]) -> OutboxMessage:
    return OutboxMessage(
        topic="notify.deliver",
        key=f"delivery:{delivery.uid}",
        payload={"delivery": delivery.pk},
        workspace_id=spaces[delivery.notification_id],
        subject=f"notify.notification:{delivery.notification_id}",
        max_attempts=outbox.MAX_ATTEMPTS.value,
        correlation_id=context.current().correlation_id,
    )


class _Words:
    """What calls say, in each workspace's own wording where it keeps one."""

    def __init__(self, workspaces: set[int]) -> None:
        rows = MessageTemplate.objects.filter(workspace__in=workspaces, kind=KIND)
        self.own = {row.workspace_id: (row.subject, row.body) for row in rows}
        shipped = wording.CATALOGUE[KIND]
        self.shipped = (shipped.subject, shipped.body)

    def of(self, call: Call) -> tuple[str, str]:
        incident = call.run.incident
        subject, body = self.own.get(incident.workspace_id, self.shipped)
        values = {
            "ref": incident.ref,
            "title": incident.title,
            "level": level_words(incident.severity),
            "why": call.called.why,
            "reason": f"{call.run.reason}\n\n" if call.run.reason else "",
            "summary": incident.summary or incident.symptoms or incident.title,
            "others": ", ".join(call.others) or "nobody",
            "drill": "Drill: " if call.run.why == EscalationRun.Why.DRILL else "",
        }
        return short(wording.fill(subject, values), 200), wording.fill(body, values)


def level_words(code: str) -> str:
    """sev1 as people write it."""
    return f"SEV-{code[3:]}" if code.startswith("sev") else code.upper()
