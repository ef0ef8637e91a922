"""An incident goes on: acknowledged, triaged, mitigated, resolved, opened again, closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance, plain
from controlplane.lib import clock, moments
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import refuse, text
from controlplane.lib.redaction import redact_text
from incidents.models import Incident, SeverityLevel
from incidents.paging import answering, runs
from incidents.records import cadence, calling, clocks, followers, levels, reading, telling
from incidents.records.holding import hold, hold_with_work, require_burning, require_seen
from incidents.records.noting import PORTAL, note, say
from incidents.records.putting import put

_REASON = 500
_REVIEW_S = 48 * 3600


@transaction.atomic
def acknowledge(incident: Incident, *, actor: Actor, way: str = "console") -> Incident:
    """Somebody is on it: nobody else is called. A second one says so again, and that they are on
    it is kept; the first time stands."""
    row = hold(incident)
    policy.require(actor, "incident.acknowledge", row)
    require_burning(row)
    now = clock.now()
    again = row.acknowledged_at is not None
    # Somebody without an account who says so too takes nobody's place.
    by = actor.user_id or row.acknowledged_by_id
    changes: dict[str, Any] = {"acknowledged_at": now, "acknowledged_by_id": by}
    if row.first_acknowledged_at is None:
        changes["first_acknowledged_at"] = now
    if row.commander_id is None and actor.user_id is not None:
        changes["commander_id"] = actor.user_id
    put(row, changes)
    answering.answered(row, actor=actor, way=way)
    clocks.stop(row, "incident.ack_missed")
    answering.expect_more(row, levels.level(row.workspace_id, row.severity))
    note(
        row, "incident.acknowledge", actor=actor,
        said="Acknowledged." if not again else "On it, too: nobody else is called.",
        after={"at": plain(now), "way": way},
    )  # fmt: skip
    followers.moved(row, "acknowledged", actor)
    return row


@transaction.atomic
def triage(
    incident: Incident,
    *,
    actor: Actor,
    impact_percent: Any,
    symptoms: str,
    started_at: Any,
    severity: str = "",
    tenants: Sequence[str] | None = None,
    category: str = "",
    customer_facing: bool | None = None,
    version: int | None = None,
) -> Incident:
    """What is seen, since when, and whom it touches: with that it leaves `detected`."""
    row = hold_with_work(incident, version=version)
    was = row.category
    given = {
        "impact_percent": reading.percent("impact_percent", impact_percent),
        "symptoms": redact_text(text("symptoms", symptoms, 4000, required=True)),
        "started_at": reading.began("started_at", started_at),
        "triaged_at": clock.now(),
    }
    if tenants is not None:
        given["tenants"] = reading.names("tenants", tenants)
    if category:
        given["category"] = reading.one_of("category", category, Incident.Category.values)
    if customer_facing is not None:
        given["customer_facing"] = bool(customer_facing)
    for name, value in given.items():
        setattr(row, name, value)  # the gate looks at the row
    advance(row, "triaged", actor=actor, changes=given)
    said = f"{row.ref} is triaged: {given['impact_percent']} % of users. {given['symptoms']}"
    say(row, said, actor=actor)
    if severity and severity != row.severity:
        row = change_severity(row, severity, actor=actor, reason="Found at triage.")
    _suggest(row, row.impact_percent or 0)
    if row.category != was:
        level = levels.level(row.workspace_id, row.severity)
        reason = f"It is about {row.get_category_display().lower()}, as was found at triage."
        calling.call_specialists(row, row.category, level, actor=actor, reason=reason)
    return row


def _suggest(row: Incident, percent: int) -> None:
    """What the ladder makes of a share of users is said where somebody judged it milder."""
    known = levels.of(row.workspace_id)
    now, least = known.get(row.severity), known.get(levels.suggested(percent))
    if least is not None and least.code == "sev2" and now is not None and least.rank < now.rank:
        say(row, f"{percent} % of users is {least.title} by the ladder.", actor=PORTAL)


@transaction.atomic
def change_severity(
    incident: Incident, severity: str, *, actor: Actor, reason: str, version: int | None = None
) -> Incident:
    """The clocks follow; of a graver one others are called, too."""
    row = hold_with_work(incident, version=version)
    policy.require(actor, "incident.triage", row)
    require_burning(row)
    reason = text("reason", reason, _REASON, required=True)
    new = levels.level(row.workspace_id, severity)
    old = levels.level(row.workspace_id, row.severity)
    if new.code == old.code:
        raise Conflict(f"{row.ref} is {old.title} already.")
    put(row, {"severity": new.code})
    reading.relabel(row, old, new)
    clocks.set_all(row, new)
    note(
        row, "incident.triage", actor=actor, reason=reason,
        said=f"{row.ref} is {new.title} now, no longer {old.title}: {reason}",
        before={"severity": old.code}, after={"severity": new.code},
    )  # fmt: skip
    graver = new.rank < old.rank
    telling.moved(row, f"is {new.title} now", reason, roles=new.informed if graver else ())
    if graver and new.pages:
        runs.begin(row, policy=new.policy, why="raised", actor=actor, also=new.at_once)
    elif not new.pages:
        answering.call_off(row, actor=actor, reason=f"It is {new.title} now.")
    return row


@transaction.atomic
def mitigate(
    incident: Incident, *, actor: Actor, reason: str = "", version: int | None = None
) -> Incident:
    """Work on it begins, or begins anew since it came back."""
    row = hold(incident, version=version)
    came_back = row.mitigated_at is not None
    changes: dict[str, Any] = {"mitigated_at": None, "monitor_until": None}
    if row.mitigation_started_at is None:
        changes["mitigation_started_at"] = clock.now()
    advance(row, "mitigating", actor=actor, changes=changes, reason=text("reason", reason, _REASON))
    clocks.stop(row, "incident.start_missed")
    if came_back:
        clocks.set_all(row, levels.level(row.workspace_id, row.severity))
    _went(row, "is worked on", reason, actor, status="in_progress")
    return row


@transaction.atomic
def mitigated(
    incident: Incident, *, actor: Actor, how: str, version: int | None = None
) -> Incident:
    row = hold(incident, version=version)
    how = text("how", how, _REASON, required=True)
    now = clock.now()
    changes: dict[str, Any] = {"mitigated_at": now}
    if row.mitigation_started_at is None:
        changes["mitigation_started_at"] = now
    advance(row, "mitigated", actor=actor, changes=changes, reason=how)
    clocks.stop(row, "incident.start_missed", "incident.open_too_long", "incident.prolonged")
    if row.acknowledged_at is not None:
        answering.let_be(row, reason="It is mitigated.")
    _went(row, "is mitigated", how, actor)
    return row


@transaction.atomic
def watch(incident: Incident, *, actor: Actor, version: int | None = None) -> Incident:
    """It works again, and is watched for as long as its level says."""
    row = hold(incident, version=version)
    level = levels.level(row.workspace_id, row.severity)
    now = clock.now()
    changes = {"restored_at": now, "monitor_until": now + _span(level, "monitor_s")}
    advance(row, "monitoring", actor=actor, changes=changes)
    cadence.stop(row)
    _went(row, f"is watched until {moments.utc(changes['monitor_until'])}", "", actor)
    return row


def watched_until(incident: Incident) -> datetime | None:
    """Until when it is watched still, where it is."""
    until = incident.monitor_until if incident.status == "monitoring" else None
    return until if until is not None and until > clock.now() else None


@transaction.atomic
def resolve(
    incident: Incident,
    *,
    actor: Actor,
    reason: str,
    root_cause: str = "",
    version: int | None = None,
) -> Incident:
    """It is over. Whoever was being called is called no more."""
    row = hold(incident, version=version)
    reason = text("reason", reason, _REASON, required=True)
    level = levels.level(row.workspace_id, row.severity)
    now = clock.now()
    changes: dict[str, Any] = {"resolved_at": now}
    for name in ("mitigated_at", "restored_at"):
        if getattr(row, name) is None:
            changes[name] = now
    changes.update(_cause(root_cause))
    if level.review_s:
        changes["review_due_at"] = now + timedelta(seconds=level.review_s)
    early = watched_until(row)
    advance(row, "resolved", actor=actor, changes=changes, reason=reason)
    clocks.stop(row)
    clocks.expect_review(row)
    answering.call_off(row, actor=actor, reason="It is resolved.")
    before = f", before its watch was over at {moments.utc(early)}" if early else ""
    _went(row, f"is resolved{before}", reason, actor, channels=True)
    followers.moved(row, "resolved", actor)
    return row


@transaction.atomic
def reopen(
    incident: Incident, *, actor: Actor, reason: str, version: int | None = None
) -> Incident:
    """It was not over. Who leads it, or whoever its level says, is called."""
    row = hold_with_work(incident, version=version)  # its review is to be written on
    reason = text("reason", reason, _REASON, required=True)
    if row.group_key and _another_open(row):
        raise Conflict("Another incident of the same alerts is open: merge this one into it.")
    level = levels.level(row.workspace_id, row.severity)
    calm = {
        "resolved_at": None, "mitigated_at": None, "restored_at": None, "monitor_until": None,
        "review_due_at": None, "acknowledged_at": None, "acknowledged_by_id": None,
        "closed_at": None,
    }  # fmt: skip
    advance(row, "mitigating", actor=actor, action="incident.resolve", changes=calm, reason=reason)
    clocks.stop(row, *clocks.REVIEW)
    clocks.set_all(row, level)
    _went(row, "is open again", reason, actor, status="in_progress", channels=True)
    if level.pages:
        runs.begin(row, policy=level.policy, why="hand", actor=actor, reason=reason)
    followers.moved(row, "reopened", actor)
    return row


@transaction.atomic
def cancel(
    incident: Incident, *, actor: Actor, reason: str, version: int | None = None
) -> Incident:
    row = hold(incident, version=version)
    reason = text("reason", reason, _REASON, required=True)
    advance(row, "cancelled", actor=actor, changes={"closed_at": clock.now()}, reason=reason)
    _end(row, actor, "was a false alarm", reason)
    return row


@transaction.atomic
def merge(
    incident: Incident, into: Incident, *, actor: Actor, reason: str, version: int | None = None
) -> Incident:
    """It is the same as another one: its alerts go there, and nobody is called for it."""
    _hold_alerts(incident)
    first, second = sorted((incident, into), key=lambda each: each.pk)
    held = {row.pk: row for row in (hold(first), hold(second))}
    row, target = held[incident.pk], held[into.pk]
    require_seen(row, version)
    reason = text("reason", reason, _REASON, required=True)
    if row.pk == target.pk or row.workspace_id != target.workspace_id:
        raise refuse("into", "Name another incident of this workspace.")
    require_burning(target)
    changes = {"merged_into_id": target.pk, "closed_at": clock.now()}
    advance(row, "merged", actor=actor, changes=changes, reason=reason)
    _hand_over(row, target)
    _end(row, actor, f"is merged into {target.ref}", reason)
    note(target, "incident.merge", actor=actor, said=f"{row.ref} is the same: {reason}",
         after={"merged": row.ref}, reason=reason)  # fmt: skip
    return row


@transaction.atomic
def plan_review(incident: Incident, *, actor: Actor, version: int | None = None) -> Incident:
    """It is looked back on before it is closed, within the time that its level gives."""
    row = hold(incident, version=version)
    changes: dict[str, Any] = {}
    if row.review_due_at is None:
        level = levels.level(row.workspace_id, row.severity)
        changes["review_due_at"] = clock.now() + timedelta(seconds=level.review_s or _REVIEW_S)
    advance(row, "review_pending", actor=actor, changes=changes)
    clocks.expect_review(row)
    _went(row, "is reviewed", f"the review is due by {due(row.review_due_at)}.", actor)
    return row


@transaction.atomic
def close(
    incident: Incident,
    *,
    actor: Actor,
    reason: str,
    root_cause: str = "",
    version: int | None = None,
) -> Incident:
    """The last of it is done: it goes into the archive, and its item is closed."""
    row = hold(incident, version=version)
    reason = text("reason", reason, _REASON, required=True)
    changes = {"closed_at": clock.now(), **_cause(root_cause)}
    row.root_cause = str(changes.get("root_cause", row.root_cause))  # the gate looks at the row
    advance(row, "closed", actor=actor, changes=changes, reason=reason)
    _end(row, actor, "is closed", f"{reason} Root cause: {row.root_cause}")
    return row


@transaction.atomic
def explain(incident: Incident, *, root_cause: str, actor: Actor) -> Incident:
    """What caused it, as is known by now: while it is reviewed, and whatever its state is."""
    policy.require(actor, "incident.review", incident)
    row = hold(incident)
    told = redact_text(text("root_cause", root_cause, 4000))
    if told != row.root_cause:
        before = row.root_cause
        put(row, {"root_cause": told})
        note(row, "incident.review", actor=actor, before={"root_cause": before},
             after={"root_cause": told}, details={"transition": "explained"})  # fmt: skip
    incident.root_cause = told
    return row


def _cause(root_cause: str) -> dict[str, str]:
    if not root_cause:
        return {}
    return {"root_cause": redact_text(text("root_cause", root_cause, 4000))}


def _hold_alerts(incident: Incident) -> None:
    """Before the incident, as whoever takes alerts in does: nobody waits in a circle."""
    rows = incident.alerts.order_by("source_id", "dedup_key", "pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def _hand_over(row: Incident, target: Incident) -> None:
    moved = row.alerts.count()
    firing = row.alerts.firing().count()
    row.alerts.update(incident=target)
    Incident.objects.filter(pk=target.pk).update(
        alert_count=target.alert_count + moved, firing_count=target.firing_count + firing
    )
    Incident.objects.filter(pk=row.pk).update(alert_count=0, firing_count=0)


def _another_open(row: Incident) -> bool:
    same = Incident.objects.burning().filter(workspace=row.workspace_id, group_key=row.group_key)
    return bool(same.exclude(pk=row.pk).exists())


def _end(row: Incident, actor: Actor, what: str, reason: str) -> None:
    clocks.stop(row)
    clocks.stop(row, *clocks.REVIEW)
    answering.call_off(row, actor=actor, reason=f"It {what}.")
    say(row, f"{row.ref} {what}: {reason}", actor=actor, close=f"{row.ref} {what}: {reason}"[:500])
    telling.moved(row, what, reason)
    followers.moved(row, "ended", actor)


def _went(
    row: Incident, what: str, why: str, actor: Actor, *, channels: bool = False, **moves: str
) -> None:
    say(row, f"{row.ref} {what}{': ' + why if why else '.'}", actor=actor, **moves)
    if channels:
        telling.moved(row, what, why)


def _span(level: SeverityLevel, name: str) -> timedelta:
    return timedelta(seconds=getattr(level, name) or 3600)


def due(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
