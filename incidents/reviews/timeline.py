"""What happened, line by line, from the log and from what was said: the draft of a review's own
timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from controlplane.access.models import User
from controlplane.audit import words
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.lib import moments
from controlplane.work.models import Comment
from incidents.models import Incident
from incidents.records.noting import PORTAL

_MOST = 300
_LINE = 180
# What was said is on the item, in its own words: the log's line would tell it a second time.
_SAID_ON_ITEM = ("incident.update", "incident.decide", "incident.publish", "paging.answer")


def drafted(row: Incident) -> str:
    """For people to shorten and to complete, by their workspace's clock. The log itself stays as
    it is."""
    found = sorted([*_began(row), *_logged(row), *_said(row)], key=lambda line: line[0])
    lines = [f"- {moments.utc(at)}, {source}: {said}" for at, source, said in found]
    return moments.by_clock("\n".join(lines[:_MOST]), row.workspace.time_zone)


def _began(row: Incident) -> Iterator[tuple[datetime, str, str]]:
    if row.started_at is not None and row.started_at < row.opened_at:
        yield row.started_at, "as far as is known", "It began."
    first = row.alerts.order_by("pk").first()
    if first is not None:
        yield first.first_at, "alert", _short(first.title)


def _logged(row: Incident) -> Iterator[tuple[datetime, str, str]]:
    rows = AuditEvent.objects.filter(subject_ref=subject_ref(row), outcome="done")
    rows = rows.exclude(action__in=_SAID_ON_ITEM)
    events = list(rows.order_by("pk")[:_MOST])
    names = _names({event.actor_ref for event in events})
    for event in events:
        who = names.get(event.actor_ref) or event.actor_label or event.actor_ref
        yield event.happened_at, who, _short(_sentence(event))


def _names(refs: set[str]) -> dict[str, str]:
    """People by name: an address is taken out of what is written, and then nobody did it."""
    keys = [ref.removeprefix("user:") for ref in refs if ref.startswith("user:")]
    people = User.objects.filter(pk__in=[key for key in keys if key.isdigit()])
    return {f"user:{pk}": name for pk, name in people.values_list("pk", "name") if name}


def _sentence(event: AuditEvent) -> str:
    said, after = words.phrase(event), event.after
    if isinstance(after, dict) and after.get("looked_at"):
        said = f"{said}: {after['looked_at']}"
    return f"{said}: {event.reason}" if event.reason else said


def _said(row: Incident) -> Iterator[tuple[datetime, str, str]]:
    """By people and agents. What the portal said of its own steps is in the log; updates and
    decisions, which it keeps there in whole, begin with their kind."""
    rows = Comment.objects.filter(item=row.item_id or 0)
    found = list(rows.exclude(author=PORTAL.label).order_by("pk")[:_MOST])
    people = User.objects.filter(email__in={one.author for one in found})
    names = dict(people.values_list("email", "name"))
    for one in found:
        if one.actor_ref == PORTAL.ref and not one.text.startswith("**"):
            continue
        yield one.created_at, names.get(one.author) or one.author, _short(one.text)


def _short(said: str) -> str:
    flat = " ".join(said.split())
    return flat if len(flat) <= _LINE else flat[: _LINE - 1] + "…"
