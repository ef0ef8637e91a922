"""The weekly sync of operators, release manager and SRE liaison: what stands on its agenda, and
that it is there when the meeting begins. The meeting itself is held where all are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse

from controlplane.access.models import Grant, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.catalog.models import Integration
from controlplane.jobs.models import ObligationRecord, WatchAlarm
from controlplane.lib import actors, clock, defaults
from controlplane.lib.errors import ControlPlaneError
from controlplane.notify import wording
from controlplane.notify.services import To, missing_contacts, notify
from controlplane.oncall.models import Gap
from incidents import links
from incidents.models import AlertSource, ReviewAction, Ticket, TicketMiss
from incidents.runbooks import books, validating
from incidents.support import matrix
from missions.learning import agenda, times
from missions.links import meeting_page
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence

ROLES = ("primary_operator", "secondary_operator", "release_manager", "sre_liaison")
MOST = agenda.MOST + 1
GAPS_AHEAD = timedelta(weeks=4)
LATE = defaults.define(
    "support.sync_late_minutes",
    60,
    unit="minutes",
    why="So long after its time an agenda is still made by itself; later people meet by hand.",
)
AT_ONCE = 200
logger = logging.getLogger(__name__)
Lines = Sequence[Mapping[str, Any]]
wording.register("support.sync", "The weekly support sync begins",
                 subject="Weekly support sync: the agenda is ready",
                 body="{count} things stand on it.")  # fmt: skip


# --- What stands on it --------------------------------------------------------------------------


def open_actions(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """What reviews of incidents left to be done."""
    rows = ReviewAction.objects.undone().filter(review__workspace=workspace_id)
    rows = rows.select_related("owner", "review__incident").order_by("due_on", "pk")
    return [
        {
            "title": row.title, "url": links.page_of(row.review), "due": row.due_on,
            "text": f"after {row.review.incident.ref}", "who": row.owner.name if row.owner else "",
            **_lateness(row.due_on, end),
        }
        for row in rows[:MOST]
    ]  # fmt: skip


def _lateness(due: date | None, now: datetime) -> dict[str, str]:
    late = due is not None and due < now.date()
    return {"state": "late" if late else "open", "tone": "bad" if late else "info"}


def overdue(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Tickets of which a promise has run out and is not kept yet."""
    rows = Ticket.objects.open().filter(workspace=workspace_id, due_at__lt=end)
    return [
        {"title": f"{row.ref} {row.subject}", "url": links.page_of(row), "due": row.due_at,
         "text": row.get_status_display(), "state": row.get_priority_display(), "tone": "bad",
         "who": row.assignee.name if row.assignee is not None else "nobody"}
        for row in rows.select_related("assignee").order_by("priority", "due_at")[:MOST]
    ]  # fmt: skip


def missed(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Promises of tickets that were not kept since the sync before."""
    rows = TicketMiss.objects.filter(
        workspace=workspace_id, noticed_at__gte=start, noticed_at__lt=end
    )
    return [
        {"title": f"{row.ticket.ref} {row.ticket.subject}", "url": links.page_of(row.ticket),
         "text": row.get_clock_display(), "due": row.due_at, "state": row.get_priority_display(),
         "tone": "warn", "note": f"{row.times} times" if row.times > 1 else ""}
        for row in rows.select_related("ticket").order_by("due_at")[:MOST]
    ]  # fmt: skip


def tooling(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """How the tools are: alarms of the portal, breakers that are open, sources that are off, and
    what somebody owed."""
    found: list[dict[str, Any]] = [
        # Of the whole installation: what it says may name others.
        {"title": f"The portal: {row.kind.replace('_', ' ')}", "state": "alarm",
         "due": row.opened_at, "tone": "bad" if row.critical else "warn",
         "url": reverse("admin:jobs_watchalarm_changelist")}
        for row in WatchAlarm.objects.open().order_by("opened_at")[:MOST]
    ]  # fmt: skip
    breakers = Integration.objects.filter(workspace=workspace_id, is_active=True)
    found += [
        {"title": row.name, "text": row.reason, "state": row.get_status_display().split(":")[0],
         "tone": "bad" if row.status == Integration.Status.OPEN else "warn",
         "url": links.page_of(row)}
        for row in breakers.exclude(status=Integration.Status.CLOSED).order_by("name")[:MOST]
    ]  # fmt: skip
    sources = AlertSource.objects.filter(workspace=workspace_id, is_active=False)
    found += [
        {"title": row.name, "text": "Nothing it sends is heard.", "state": "off", "tone": "warn",
         "url": links.page_of(row)}
        for row in sources.order_by("name")[:MOST]
    ]  # fmt: skip
    return [*found, *_owed(workspace_id, end)]


def _owed(workspace_id: int, now: datetime) -> list[dict[str, Any]]:
    rows = ObligationRecord.objects.filter(
        obligation__workspace=workspace_id, obligation__active=True,
        obligation__owner_role__in=ROLES, status=ObligationRecord.Status.DUE, due_at__lt=now,
    )  # fmt: skip
    return [
        {"title": row.obligation.title, "due": row.due_at, "state": "overdue", "tone": "bad",
         "url": reverse("admin:jobs_obligationrecord_changelist")}
        for row in rows.select_related("obligation").order_by("due_at")[:MOST]
    ]  # fmt: skip


def runbooks(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Those that nobody tried lately, or that did not work."""
    rows = {row.slug: row for row in books.every(workspace_id)}
    found = []
    for each in validating.standings(workspace_id):
        if each.state == "works" or (not each.required and each.state == "never tried"):
            continue
        row = rows.get(each.slug)
        bad = each.state in {"missing", "does not work"}
        found.append({
            "title": each.title, "state": each.state, "tone": "bad" if bad else "warn",
            "due": each.due_at, "url": links.page_of(row) if row is not None else "",
        })  # fmt: skip
    return found[:MOST]


def coverage(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Hours that nobody has, steps behind which nobody stands, chairs nobody sits in."""
    workspace = Workspace.objects.get(pk=workspace_id)
    gaps = Gap.objects.filter(
        schedule__workspace=workspace_id, filled_at=None, until__gt=end, since__lt=end + GAPS_AHEAD
    )
    found: list[dict[str, Any]] = [
        {"title": row.schedule.title, "state": "nobody", "tone": "bad", "due": row.since,
         "text": f"nobody from {row.since:%Y-%m-%d %H:%M} to {row.until:%Y-%m-%d %H:%M} UTC",
         "url": reverse("oncall:board")}
        for row in gaps.select_related("schedule").order_by("since")[:MOST]
    ]  # fmt: skip
    found += [
        {"title": f"Escalation of {level.title}", "text": why, "state": "nobody", "tone": "bad",
         "url": reverse("around:matrix")}
        for level, why in matrix.missing(workspace)
    ]  # fmt: skip
    found += [
        {"title": chair.label, "text": "No contact is named.", "state": "empty", "tone": "warn",
         "url": reverse("admin:notify_contact_changelist")}
        for chair in missing_contacts(workspace)
    ]  # fmt: skip
    return found[:MOST]


# --- That it is there ---------------------------------------------------------------------------


def begin_due() -> int:
    """Each sync whose time has come is begun, and its people are told where its agenda is."""
    now = clock.now()
    rows = MeetingSeries.objects.running().filter(
        cadence=Cadence.SUPPORT, workspace__archived_at=None
    )
    begun = 0
    for row in rows.select_related("workspace").order_by("pk"):
        planned = times.last_before(row, now)
        if now - planned > timedelta(minutes=LATE.value):
            continue
        if Meeting.objects.filter(series=row, planned_at=planned).exists():
            continue
        _tell(cadence.begin_meeting(row, actor=actors.job("support sync"), now=now))
        begun += 1
    return begun


def plan_missing() -> int:
    """Where somebody of support is and none was ever planned, as in what is older than the sync: at
    its usual time, by the workspace's clock. One that people ended stays ended."""
    planned = MeetingSeries.objects.filter(cadence=Cadence.SUPPORT)
    held = Grant.objects.held().of_active_people().filter(role__in=ROLES)
    rows = Workspace.objects.filter(archived_at=None, pk__in=held.values("membership__workspace"))
    made = 0
    for workspace in rows.exclude(pk__in=planned.values("workspace")).order_by("pk")[:AT_ONCE]:
        try:
            cadence.plan_meetings(
                workspace, actor=actors.job("support sync"), cadence=Cadence.SUPPORT
            )
        except ControlPlaneError as error:
            # It has as many rhythms as it may: somebody there decides.
            logger.warning("no support sync is planned for %s: %s", workspace.slug, error.message)
            continue
        made += 1
    return made


def _tell(row: Meeting) -> None:
    place = row.series.workspace_id
    held = Grant.objects.held().filter(membership__workspace_id=place, role__in=ROLES)
    roles = sorted(set(held.values_list("role", flat=True)))
    if not roles:
        return
    notify(
        workspace_id=place, kind="support.sync", to=To(roles=roles, channels=()),
        key=f"support.sync:{row.uid}", link=meeting_page(row), about=subject_ref(row),
        values={"count": sum(len(each["lines"]) for each in row.agenda)},
    )  # fmt: skip


def register() -> None:
    add = agenda.section
    add("support.actions", "support", "Open actions of reviews", items=open_actions, order=10)
    add("support.overdue", "support", "Overdue tickets", items=overdue, order=15)
    add("support.missed", "support", "Missed promises", items=missed, order=20)
    add("support.tooling", "support", "Tooling checks", items=tooling, order=30)
    add("support.runbooks", "support", "Runbooks to validate", items=runbooks, order=40)
    add("support.coverage", "support", "Coverage", items=coverage, order=50)
