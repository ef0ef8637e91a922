"""Pages and what is sent for them, written together: for five hundred calls in as many statements
as for one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from controlplane.audit.refs import subject_ref
from controlplane.jobs import nudges
from controlplane.lib import context
from controlplane.lib.ids import uuid7_texts
from controlplane.lib.text import short
from controlplane.notify import answers, outbox, wording
from controlplane.notify.models import (
    AnswerLink,
    Delivery,
    InboxItem,
    MessageTemplate,
    Method,
    Notification,
    OutboxMessage,
    Urgency,
)
from incidents import links
from incidents.models import EscalationRun, Incident, Page, SeverityLevel
from incidents.models.records import ENDED
from incidents.paging import matters, replying
from incidents.paging.pouring import pour
from incidents.paging.ways import Way, Whom, ways_of_all, whom
from incidents.paging.who import Called

KIND = "page.incident"
OVER = ("resolved", "review_pending", *ENDED)
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


def _urgency(call: Call) -> str:
    return matters.of(call.run.matter).urgency(call.run.matter)


def urgency_of(incident: Incident) -> str:
    return Urgency.NORMAL.value if incident.severity in {"sev4", "p2"} else Urgency.CRITICAL.value


def write(calls: Sequence[Call], now: datetime) -> int:
    """The pages, their news, one delivery for each way that is taken at once, the outbox."""
    if not calls:
        return 0
    texts = _Words({call.run.workspace_id for call in calls})
    uids = uuid7_texts(len(calls))
    news = pour(
        Notification,
        [
            _news(own, uid, call, texts)
            for own, uid, call in zip(uuid7_texts(len(calls)), uids, calls, strict=True)
        ],
        same={
            "created_at": now,
            "correlation_id": context.current().correlation_id,
        },
    )
    ways = _ways(calls)
    pages: list[dict[str, Any]] = []
    sends: list[Sending] = []
    for uid, row, call in zip(uids, news, calls, strict=True):
        one = call.called
        at_once, next_at = [Way(Method.CHANNEL.value)], None
        who = whom(one.user_id, one.contact_id)
        if who is not None:
            at_once, next_at = split(ways[_urgency(call)][who], now, now)
        pages.append(_page(uid, row, call, len(at_once), next_at))
        space = call.run.workspace_id
        target = (one.user_id, one.channel_id, one.contact_id)
        sends += [Sending(row, space, way, *target) for way in at_once]
    pour(Page, pages, same={"created_at": now})
    _leave_to_answer(list(zip(news, calls, strict=True)), now)
    send(sends, now)
    return len(pages)


def _leave_to_answer(told: Sequence[tuple[int, Call]], now: datetime) -> None:
    """Whoever has no account is asked what may be answered without one."""
    asked: dict[tuple[str, ...], list[tuple[int, Call]]] = {}
    for each in told:
        verbs = _verbs(each[1])
        if verbs:
            asked.setdefault(verbs, []).append(each)
    for verbs, mine in asked.items():
        pour(
            AnswerLink,
            [
                _link(uid, row, call)
                for uid, (row, call) in zip(uuid7_texts(len(mine)), mine, strict=True)
            ],
            same={
                "verbs": json.dumps(verbs),
                "created_at": now,
                "expires_at": now + timedelta(hours=answers.LASTS.value),
            },
        )


def _verbs(call: Call) -> tuple[str, ...]:
    verbs = matters.of(call.run.matter).verbs
    if call.called.user_id is not None:
        return tuple(verbs)
    return tuple(answers.for_contacts(verbs)) if call.called.contact_id is not None else ()


def _page(uid: str, news: int, call: Call, turn: int, next_at: datetime | None) -> dict[str, Any]:
    run, called = call.run, call.called
    return {
        "uid": uid,
        "workspace_id": run.workspace_id,
        "run_id": run.pk,
        "incident_id": run.incident_id,
        "ticket_id": run.ticket_id,
        "notification_id": news,
        "step": call.step,
        "round": call.round,
        "target": called.key[:80],
        "user_id": called.user_id,
        "channel_id": called.channel_id,
        "contact_id": called.contact_id,
        "why": short(called.why, 300),
        "turn": turn,
        "next_at": next_at,
    }


def _link(uid: str, news: int, call: Call) -> dict[str, Any]:
    """Leave to answer without signing in."""
    row = call.run.matter
    return {
        "uid": uid,
        "workspace_id": row.workspace_id,
        "person_id": call.called.user_id,
        "contact_id": call.called.contact_id,
        "notification_id": news,
        "subject": subject_ref(row),
        "code": replying.code_of(row),
    }


def _news(uid: str, page: str, call: Call, texts: _Words) -> dict[str, Any]:
    row = call.run.matter
    kind = matters.of(row)
    subject, body = texts.of(call)
    return {
        "uid": uid,
        "workspace_id": row.workspace_id,
        "kind": kind.news,
        "key": f"page:{page}",
        "urgency": kind.urgency(row),
        "subject": subject,
        "body": body[:8000],
        "link": settings.PUBLIC_URL + links.page_of(row),
        "about": subject_ref(row),
        "thread": f"{kind.thread}:{row.uid}",
    }


def _ways(calls: Iterable[Call]) -> dict[str, Mapping[Whom, list[Way]]]:
    asked: dict[str, set[Whom]] = {}
    for call in calls:
        one = whom(call.called.user_id, call.called.contact_id)
        if one is not None:
            asked.setdefault(_urgency(call), set()).add(one)
    return {urgency: ways_of_all(who, urgency) for urgency, who in asked.items()}


def split(ways: Sequence[Way], begun: datetime, now: datetime) -> tuple[list[Way], datetime | None]:
    """Those whose time has come, and when the next one's comes."""
    passed = (now - begun).total_seconds()
    due = [way for way in ways if way.after_s <= passed]
    later = [way.after_s for way in ways if way.after_s > passed]
    return due, (begun + timedelta(seconds=min(later)) if later else None)


@dataclass(frozen=True, slots=True)
class Sending:
    """One delivery that is wanted."""

    notification_id: int
    workspace_id: int
    way: Way
    user_id: int | None
    channel_id: int | None = None
    contact_id: int | None = None


def send(wanted: Sequence[Sending], now: datetime) -> None:
    """A delivery for each, settled at once where it is our own inbox."""
    inbox = [one for one in wanted if one.way.method == Method.INBOX.value]
    outside = [one for one in wanted if one.way.method != Method.INBOX.value]
    pour(
        InboxItem,
        [
            {"uid": uid, "user_id": one.user_id, "notification_id": one.notification_id}
            for uid, one in zip(uuid7_texts(len(inbox)), inbox, strict=True)
        ],
        same={"created_at": now},
        ignore=True,
    )
    arrived = {"created_at": now, "state": Delivery.State.SENT.value, "settled_at": now}
    pour(Delivery, list(map(_delivery, uuid7_texts(len(inbox)), inbox)), same=arrived)
    uids = uuid7_texts(len(outside))
    made = pour(Delivery, list(map(_delivery, uids, outside)), same={"created_at": now})
    pour(
        OutboxMessage,
        list(map(_message, uuid7_texts(len(outside)), made, uids, outside)),
        same={
            "topic": "notify.deliver",
            "max_attempts": outbox.MAX_ATTEMPTS.value,
            "correlation_id": context.current().correlation_id,
        },
    )
    if outside:
        nudges.after_commit()


def _delivery(uid: str, one: Sending) -> dict[str, Any]:
    return {
        "uid": uid,
        "notification_id": one.notification_id,
        "method": one.way.method,
        "user_id": one.user_id,
        "channel_id": one.channel_id,
        "contact_id": one.contact_id,
        "contact_method_id": one.way.contact_method_id,
    }


def _message(uid: str, key: int, delivery: str, one: Sending) -> dict[str, Any]:
    return {
        "uid": uid,
        "key": f"delivery:{delivery}",
        "payload": {"delivery": key},
        "workspace_id": one.workspace_id,
        "subject": f"notify.notification:{one.notification_id}",
    }


class _Words:
    """What calls say, in each workspace's own wording where it keeps one."""

    def __init__(self, workspaces: set[int]) -> None:
        kinds = [kind.news for kind in matters.KINDS.values()]
        rows = MessageTemplate.objects.filter(workspace__in=workspaces, kind__in=kinds)
        self.own = {(row.workspace_id, row.kind): (row.subject, row.body) for row in rows}

    def of(self, call: Call) -> tuple[str, str]:
        kind = matters.of(call.run.matter)
        shipped = wording.CATALOGUE[kind.news]
        own = self.own.get((call.run.workspace_id, kind.news))
        subject, body = own or (shipped.subject, shipped.body)
        values = {
            **kind.values(call.run),
            "why": call.called.why,
            "reason": f"{call.run.reason}\n\n" if call.run.reason else "",
            "others": ", ".join(call.others) or "nobody",
        }
        return short(wording.fill(subject, values), 200), wording.fill(body, values)


def level_words(code: str) -> str:
    """sev1 as people write it."""
    return f"SEV-{code[3:]}" if code.startswith("sev") else code.upper()


def _values(run: EscalationRun) -> dict[str, object]:
    incident = run.matter
    return {
        "ref": incident.ref,
        "title": incident.title,
        "level": level_words(incident.severity),
        "summary": incident.summary or incident.symptoms or incident.title,
        "drill": "Drill: " if run.why == EscalationRun.Why.DRILL else "",
    }


def _policy(incident: Incident) -> str | None:
    """None where its level calls nobody."""
    rows = SeverityLevel.objects.in_force(incident.workspace_id)
    level = rows.filter(ladder="incident", code=incident.severity).first()
    return level.policy if level is not None and level.pages else None


matters.register(
    Incident._meta.label_lower,
    matters.Kind(
        news=KIND,
        verbs=replying.VERBS,
        thread="incident",
        is_over=lambda row: row.status in OVER,
        urgency=urgency_of,
        burning=Incident.objects.burning,
        policy=_policy,
        values=_values,
    ),
)
