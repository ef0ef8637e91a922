"""A thread in one line of the list. A few questions for the whole page, none for a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Prefetch, Q, Subquery, Value
from django.db.models.functions import Coalesce, Left, NullIf
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.jobs import leases
from controlplane.lib.text import short
from missions.threads.models import AgentPulse, Message, Participant, Thread, WakeTrigger
from missions.threads.shown import people as shown

_NAMES = 4
_EXCERPT = 70
# People by their name of today.
_BY = Coalesce(NullIf("user__name", Value("")), "sender_label")


def told(rows: Any) -> Any:
    """With who takes part, what was said last, and the wakes that matter."""
    last = Message.objects.filter(thread=OuterRef("pk"), seq=OuterRef("last_seq"))
    wakes = WakeTrigger.objects.filter(thread=OuterRef("pk")).order_by().values("thread")

    def number(which: Q) -> Coalesce:
        counted = wakes.filter(which).annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(counted, output_field=IntegerField()), 0)

    present = Participant.objects.present().order_by("pk")
    return rows.annotate(
        last_by=Subquery(last.annotate(by=_BY).values("by")[:1]),
        last_agent=Subquery(last.values("agent_id")[:1]),
        last_text=Subquery(last.annotate(start=Left("body", _EXCERPT * 3)).values("start")[:1]),
        open_wakes=number(Q(state__in=leases.OPEN)),
        dead_wakes=number(Q(state=leases.DEAD)),
    ).prefetch_related(
        Prefetch("participants", queryset=present, to_attr="here"),
        Prefetch("here__agent", queryset=_with_pulse()),
    )


def _with_pulse() -> Any:
    from controlplane.access.models import Agent

    pulse = AgentPulse.objects.filter(agent=OuterRef("pk"))
    return Agent.objects.annotate(
        seen=Subquery(pulse.values("seen_at")[:1]), held=Subquery(pulse.values("wakes_paused")[:1])
    )


def _members(row: Any) -> list[shown.Member]:
    found: list[shown.Member] | None = row.__dict__.get("_members")
    if found is None:
        found = [shown.member(part, row, _pulse(part.agent)) for part in row.here]
        row.__dict__["_members"] = found
    return found


def _pulse(agent: Any) -> AgentPulse | None:
    if agent.seen is None:
        return None
    return AgentPulse(agent_id=agent.pk, seen_at=agent.seen, wakes_paused=bool(agent.held))


def people(row: Any) -> SafeString:
    """Each with a mark: filled who is awake, empty who sleeps. The word stands in the title and is
    read aloud."""
    found = _members(row)
    names = format_html_join(
        "",
        '<span class="th-who th-{}" title="{}">{}<span class="unseen"> ({})</span></span>',
        (
            (one.state.split()[0], f"{one.agent.name}: {one.state}", short(one.agent.name, 24),
             one.state)
            for one in found[:_NAMES]
        ),
    )  # fmt: skip
    more = len(found) - _NAMES
    rest = format_html(' <span class="quiet">and {} more</span>', more) if more > 0 else ""
    return format_html('<span class="th-people">{}{}</span>', names, rest)


def waits(row: Any) -> SafeString | str:
    if row.status == Thread.Status.BLOCKED:
        person = row.escalation_owner or row.owner
        return f"a person: {person.name or person.email}" if person else "a person"
    if row.status == Thread.Status.RESOLVED:
        return "somebody to close it"
    found = shown.waits_for(_members(row), row, row.last_agent)
    if not found:
        return ""
    told = [f"{short(one.agent.name, 24)} ({one.behind:,})" for one in found[:2]]
    if len(found) > 2:
        told.append(f"and {len(found) - 2} more")
    return _stacked("th-waits", told)


def _stacked(name: str, parts: Sequence[Any]) -> SafeString:
    inner = format_html_join("", "<span>{}</span>", ((part,) for part in parts))
    return format_html('<span class="{}">{}</span>', name, inner)


def findings(row: Any) -> SafeString | str:
    if not row.findings:
        return ""
    return format_html('<span class="th-open">{} open</span>', len(row.findings))


def last(row: Any) -> SafeString | str:
    if row.last_message_at is None:
        return ""
    text = short(" ".join((row.last_text or "").split()), _EXCERPT)
    return format_html(
        '<span class="th-last"><span class="quiet">{} · </span>{}</span>',
        short(row.last_by or "", 24), text,
    )  # fmt: skip


def wakes(row: Any) -> SafeString | str:
    parts = []
    if row.dead_wakes:
        parts.append(format_html('<span class="bad">{} given up</span>', row.dead_wakes))
    if row.open_wakes:
        parts.append(format_html("<span>{} under way</span>", row.open_wakes))
    if row.wakes_paused:
        parts.append(format_html('<span class="quiet">{}</span>', "held back"))
    return _stacked("th-woken", parts) if parts else ""
