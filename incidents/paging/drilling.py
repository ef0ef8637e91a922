"""Drills: somebody is really called, and what was done is measured against what was to be done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import advance, plain
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.given import line, refuse, text
from incidents.models import Drill, Incident, Page
from incidents.paging import policies, replying, runs
from incidents.paging.policies import PORTAL
from incidents.records import levels
from incidents.records.moving import cancel
from incidents.records.opening import open_incident

ACTION = "paging.drill"
ENDS = "paging.drill_ends"
CALLED_S = define(
    "paging.drill_called_s", 10, unit="seconds", why="From the alert to the first page that is due."
)
SENT_S = define(
    "paging.drill_sent_s", 60, unit="seconds", why="By then somebody outside has taken the message."
)
LASTS_S = define(
    "paging.drill_lasts_s", 1800, unit="seconds", why="A drill nobody ends is over after this long."
)
# What of the whole each part is worth, and half of it where it came late.
_WORTH = {"called": 20, "sent": 30, "acknowledged": 50}


@transaction.atomic
def begin_drill(
    workspace: Workspace,
    *,
    actor: Actor,
    severity: str = "sev1",
    policy_slug: str = "",
    title: str = "",
    reason: str = "",
) -> Drill:
    """Open an incident that says that it is a drill, and call by the policy as for a real one."""
    policy.require(actor, ACTION, workspace)
    level = levels.level(workspace.pk, severity)
    if not level.pages:
        raise refuse("severity", f"{level.title} calls nobody: there is nothing to drill.")
    if policy_slug and policy_slug not in policies.in_force(workspace.pk):
        raise refuse("policy", f"There is no policy {policy_slug}.")
    title = line("title", title, 150) or f"Somebody answers within {(level.ack_s or 300) // 60} min"
    incident = open_incident(
        workspace, actor=PORTAL, title=f"Drill: {title}", severity=severity, origin="drill",
        summary="This is a drill. Acknowledge it as you would a real one.", pages=False,
    )  # fmt: skip
    row = Drill.objects.create(
        workspace=workspace,
        kind=Drill.Kind.PAGING,
        title=title,
        incident=incident,
        started_by=actor.ref[:80],
        asked={
            "severity": level.code, "policy": policy_slug or level.policy,
            "called_s": CALLED_S.value, "sent_s": SENT_S.value,
            "acknowledged_s": level.ack_s or 300,
        },
    )  # fmt: skip
    reason = text("reason", reason, 500)
    advance(row, "running", actor=actor, reason=reason, changes={"started_at": clock.now()})
    runs.begin(incident, policy=policy_slug or level.policy, why="drill", actor=actor)
    timers.set_timer(
        ENDS, key=f"{ENDS}:{row.uid}", due_at=clock.now() + timedelta(seconds=LASTS_S.value),
        workspace_id=workspace.pk, payload={"drill": row.pk},
    )  # fmt: skip
    return row


@transaction.atomic
def end_drill(drill: Drill, *, actor: Actor, reason: str = "The drill is over.") -> Drill:
    """Measure what was done, and put its incident away."""
    row: Drill = Drill.objects.select_for_update(of=("self",), no_key=True).get(pk=drill.pk)
    incident = Incident.objects.get(drills=row)
    seen = measure(row, incident)
    changes = {"ended_at": clock.now(), "seen": seen, "score": score(row.asked, seen)}
    advance(row, "done", actor=actor, changes=changes, reason=reason)
    timers.cancel_timer(f"{ENDS}:{row.uid}")
    if incident.status in {"detected", "triaged", "mitigating"}:
        cancel(incident, actor=PORTAL, reason=reason)
    return row


@transaction.atomic
def cancel_drill(drill: Drill, *, actor: Actor, reason: str) -> Drill:
    """It is broken off: nothing is scored."""
    row: Drill = Drill.objects.select_for_update(of=("self",), no_key=True).get(pk=drill.pk)
    advance(row, "cancelled", actor=actor, reason=reason)
    timers.cancel_timer(f"{ENDS}:{row.uid}")
    incident = row.incident
    if incident is not None and incident.status in {"detected", "triaged", "mitigating"}:
        cancel(incident, actor=PORTAL, reason=reason)
    return row


@timers.on(ENDS)
def time_is_up(timer: Timer) -> None:
    row = Drill.objects.filter(pk=timer.payload["drill"], status=Drill.Status.RUNNING).first()
    if row is not None:
        end_drill(row, actor=PORTAL, reason="Its time was up.")


def measure(drill: Drill, incident: Incident) -> dict[str, Any]:
    """Seconds from its beginning to each thing that was to happen; None: it did not."""
    began = drill.started_at
    pages = list(Page.objects.filter(incident=incident, notification__isnull=False))
    answer = incident.first_acknowledged_at
    who = incident.acknowledged_by
    return {
        "called_s": _after(began, min((page.created_at for page in pages), default=None)),
        "sent_s": _after(began, min((p.sent_at for p in pages if p.sent_at), default=None)),
        "acknowledged_s": _after(began, answer),
        "acknowledged_by": plain(who) if who is not None else replying.on_it(incident),
        "calls": len(pages),
        "unreached": sum(page.status == Page.Status.UNREACHED for page in pages),
    }


def _after(began: datetime | None, at: datetime | None) -> float | None:
    return None if began is None or at is None else max(0.0, (at - began).total_seconds())


def score(asked: dict[str, Any], seen: dict[str, Any]) -> int:
    """Percent: all of what each part is worth in time, half of it late, nothing where it did not
    happen."""
    total = sum(worth(name, seen[f"{name}_s"], asked[f"{name}_s"]) for name in _WORTH)
    return round(total)


def worth(name: str, took: float | None, goal: float | None) -> float:
    """Points of one part."""
    whole = float(_WORTH[name])
    if took is None:
        return 0.0
    return whole if goal is None or took <= goal else whole / 2


def note_result(drill: Drill, notes: str, *, actor: Actor) -> Drill:
    """What was learned from it."""
    policy.require(actor, ACTION, drill)
    with transaction.atomic():
        before = drill.notes
        drill.notes = notes.strip()[:8000]
        Drill.objects.filter(pk=drill.pk).update(notes=drill.notes)
        record(actor, ACTION, drill, before={"notes": before}, after={"notes": drill.notes})
    return drill
