"""One ordered view of what happened: a view, for the rows it tells of are all there already. The
log of the incident, what was changed elsewhere while it burned, what people said, whom it called,
its alerts, and what was attached to its item."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, Q, QuerySet

from controlplane.access import policy
from controlplane.audit import words
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.lib import kept, moments
from controlplane.lib.actors import Actor
from controlplane.work.models import Comment, ItemLink
from incidents import links
from incidents.models import Correction, Incident
from incidents.querysets import OVER
from incidents.records.noting import PORTAL

EACH = 400  # rows of one kind that a view reads
KINDS: dict[str, str] = {
    "said": "Said", "step": "Steps", "act": "Done", "decision": "Decisions", "check": "Looks",
    "correction": "Corrections", "update": "Updates", "call": "Calls", "alert": "Alerts",
    "change": "Changes elsewhere", "file": "Files",
}  # fmt: skip
# What stands on it by itself, whoever did it and wherever.
CHANGES = (
    "flag.kill", "flag.enable", "flag.change", "flag.undo", "deployment.start",
    "deployment.rollback", "deployment.close", "deployment.cancel", "mission.pause",
    "mission.resume", "catalog.trip", "catalog.report", "throttle.set", "throttle.lift",
    "canary.rollback", "canary.advance", "freeze.set",
)  # fmt: skip
# Of what else the log of the incident tells, by the beginning of its action.
_STARTS: tuple[tuple[str, str], ...] = (
    ("incident.act:", "act"), ("runbook.", "act"), ("incident.decide", "decision"),
    ("incident.check", "check"), ("incident.correct", "correction"),
    ("incident.update", "update"), ("incident.publish", "update"),
)  # fmt: skip
# What came of it, what was said, who is called, what was looked at.
_TOLD = ("result", "text", "decided", "called", "looked_at")


@dataclass(frozen=True, slots=True)
class Line:
    """`pk`: of what people said, for who says it better; `before`: how it was said first."""

    kind: str
    at: datetime
    who: str
    what: str
    why: str = ""
    link: str = ""
    pk: int = 0
    before: list[str] = field(default_factory=list)
    by: str = ""  # an opaque ref and a label, for the page's names


def events(incident: Incident, actor: Actor) -> QuerySet[AuditEvent]:
    """The log of the incident, and what was changed elsewhere between its first event and its
    last one. By keys, not by times: the log has an index of those."""
    return _during(actor, *_span(incident))


def newest(incident: Incident, actor: Actor, most: range) -> list[AuditEvent]:
    return kept.seen(
        actor,
        lambda actor, most, *span: _during(actor, *span).order_by("-id")[: len(most)],
        *(most, *_span(incident)),
    )


def _span(incident: Incident) -> tuple[str, int, int | None, int | None]:
    """Its ref and workspace, its first event, and its last one if it is over."""
    ref = subject_ref(incident)
    known = kept.ask(_edges, ref)
    first, last = known[0] if known else (None, None)
    return ref, incident.workspace_id, first, last if incident.status in OVER else None


def _edges(ref: str) -> QuerySet[AuditEvent, tuple[int, int]]:
    one = AuditEvent.objects.about(ref).order_by().values("subject_ref")
    return one.annotate(first=Min("id"), last=Max("id")).values_list("first", "last")


def _during(
    actor: Actor, ref: str, workspace_id: int, first: int | None, last: int | None
) -> QuerySet[AuditEvent]:
    here = Q(subject_ref=ref)
    if first is not None:
        during = Q(workspace_id=workspace_id, id__gt=first, action__in=CHANGES)
        here |= during if last is None else during & Q(id__lt=last)
    return AuditEvent.objects.visible_to(actor).filter(here)


def lines(
    incident: Incident,
    actor: Actor,
    *,
    kinds: Collection[str] = (),
    newest_first: bool = True,
) -> list[Line]:
    """Of these kinds, or of all of them, as far as the reader may see."""
    wanted = set(kinds) & KINDS.keys() or set(KINDS)
    found: list[Line] = []
    if wanted & {"step", "change", *(kind for _, kind in _STARTS)}:
        found += [line for line in _logged(incident, actor) if line.kind in wanted]
    if "said" in wanted:
        found += _said(incident, actor)
    if "call" in wanted and policy.can(actor, "paging.view", incident):
        found += _called(incident)
    if "alert" in wanted and policy.can(actor, "alert.view", incident):
        found += _alerts(incident)
    if "file" in wanted:
        found += _files(incident, actor)
    found.sort(key=lambda line: line.at, reverse=newest_first)
    return found


def _logged(incident: Incident, actor: Actor) -> Iterator[Line]:
    own = subject_ref(incident)
    rows = events(incident, actor).exclude(action__startswith="paging.")
    for event in rows.order_by("-id")[:EACH]:
        what = words.phrase(event)
        if event.subject_ref != own:
            what = f"{what} {event.subject_label or event.subject_ref}"
        elif isinstance(event.after, dict):
            said = next((event.after[name] for name in _TOLD if event.after.get(name)), "")
            what = f"{what}: {said}" if said else what
        kind = _kind(event.action) if event.subject_ref == own else "change"
        who = event.actor_label or event.actor_ref
        by = f"{event.actor_ref} {event.actor_label}".strip()
        yield Line(kind, event.happened_at, who, what, event.reason or "", by=by)


def _kind(action: str) -> str:
    return next((kind for start, kind in _STARTS if action.startswith(start)), "step")


def _said(incident: Incident, actor: Actor) -> Iterator[Line]:
    """By people and agents, as they said it last. What the portal said of its own steps stands in
    the log."""
    if incident.item_id is None:
        return
    rows: Any = Comment.objects.visible_to(actor).filter(item_id=incident.item_id)
    better = said_better(incident)
    for one in rows.order_by("-created_at", "-id")[:EACH]:
        own, logged = one.actor_ref == PORTAL.ref, (incident.ref, "**", "Changed")
        if own and (one.author != PORTAL.label or one.text.startswith(logged)):
            continue
        told = [one.text, *better.get(one.pk, [])]
        yield Line("said", one.created_at, one.author, told[-1], pk=one.pk, before=told[:-1])


def said_better(incident: Incident) -> dict[int, list[str]]:
    """By the key of the comment, what was said in its place, one after the other."""
    better: dict[int, list[str]] = {}
    asked = kept.ask(
        lambda incident: Correction.objects.filter(incident=incident).order_by("number"),
        incident.pk,
    )
    for each in asked:
        better.setdefault(each.comment_id, []).append(each.text)
    return better


def _called(incident: Incident) -> Iterator[Line]:
    rows = incident.pages.select_related("user", "channel", "contact").order_by("-pk")[:EACH]
    for page in rows:
        whom = page.whom or page.target
        state = page.get_status_display().lower()
        yield Line("call", page.created_at, "", f"Called {whom}: {state}", page.why)
        if page.answered_at is not None:
            yield Line("call", page.answered_at, whom, "Answered the call")


def _alerts(incident: Incident) -> Iterator[Line]:
    rows = incident.alerts.select_related("source").order_by("-pk")[:EACH]
    for alert in rows:
        said, link = alert.title[:200], links.page_of(alert)
        yield Line("alert", alert.first_at, alert.source.name, f"Fires: {said}", link=link)
        if alert.resolved_at is not None:
            yield Line("alert", alert.resolved_at, alert.source.name, f"Over: {said}", link=link)


def _files(incident: Incident, actor: Actor) -> Iterator[Line]:
    if incident.item_id is None:
        return
    rows: Any = ItemLink.objects.visible_to(actor).filter(item_id=incident.item_id)
    for one in rows.order_by("-pk")[:EACH]:
        link = f"/admin/work/evidence/{one.uid}/" if one.file else one.url
        yield Line("file", one.created_at, one.added_by, one.title, link=link)


def markdown(incident: Incident, found: list[Line]) -> str:
    """For whoever reads it elsewhere, the oldest first, by the clock of the workspace."""
    zone = incident.workspace.time_zone
    told = [f"# {incident.ref} {incident.title}", "", f"Severity {incident.severity},"
            f" {incident.get_status_display().lower()}.", ""]  # fmt: skip
    for line in found:
        said = " ".join(line.what.split())
        why = f" ({' '.join(line.why.split())})" if line.why else ""
        who = f" {line.who}:" if line.who else ""
        told.append(f"- {line.at:%Y-%m-%d %H:%M:%S} UTC `{line.kind}`{who} {said}{why}")
    return moments.by_clock("\n".join(told) + "\n", zone)
