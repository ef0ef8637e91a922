"""What becomes of an incident becomes of the tickets that stand for it, in the same transaction."""

from __future__ import annotations

from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from incidents.models import Incident, Ticket, Update
from incidents.records import followers
from incidents.support import answering, clocks, lateness, telling
from incidents.support.escalating import ESCALATE
from incidents.support.holding import hold, put
from incidents.support.noting import PORTAL, note
from incidents.support.seeing import after_seen, seen

_AT_THE_DESK = ("triaged", "working", "waiting", "reopened")


def _standing_for(incident: Incident) -> list[Ticket]:
    rows = incident.tickets.filter(status=Ticket.Status.ESCALATED).order_by("pk")
    return [hold(each) for each in rows]


def follow(incident: Incident, what: str, actor: Actor) -> None:
    """Asked in the transaction that moves the incident."""
    if what == "acknowledged":
        for row in incident.tickets.filter(acknowledged_at=None).order_by("pk"):
            _acknowledged(hold(row), actor)
        return
    if what == "reopened":
        for row in incident.tickets.filter(status__in=_AT_THE_DESK).order_by("pk"):
            _take_back(hold(row), incident)
        return
    if what not in {"resolved", "ended"}:
        return
    for row in _standing_for(incident):
        if incident.merged_into_id is not None:
            _follow_merged(row, incident)
        else:
            _give_back(row, incident, actor)


def _acknowledged(row: Ticket, actor: Actor) -> None:
    changes = seen(row, actor)
    if not changes or not row.is_open:
        return
    put(row, changes)
    after_seen(row, actor)
    note(row, "ticket.respond", actor=actor, details={"transition": "acknowledged"})


def _follow_merged(row: Ticket, incident: Incident) -> None:
    """It goes on with the one that its incident goes on as."""
    put(row, {"incident_id": incident.merged_into_id})
    row.refresh_from_db(fields=["incident"])
    said = f"{incident.ref} goes on as {row.incident.ref}." if row.incident else ""
    note(row, ESCALATE, actor=PORTAL, said=said, details={"transition": "merged"},
         after={"incident": row.incident.ref if row.incident else ""})  # fmt: skip


def _give_back(row: Ticket, incident: Incident, actor: Actor) -> None:
    """It is over, and whoever asked is still to hear how: the desk has it again. Where nobody had
    acknowledged anything, whoever says that it is over has seen it."""
    lateness.mark_late(row)
    changes = {"last_update_at": clock.now(), **seen(row, actor)}
    advance(row, "working", actor=PORTAL, changes=changes)
    row.refresh_from_db(fields=["incident", "assignee", "acknowledged_by", "due_at"])
    after_seen(row, actor)
    clocks.promise_update(row)
    telling.told(
        row, "ticket.moved", key=f"given back:{row.version}", users=[row.assignee_id],
        what=f"is the desk's again, {incident.ref} is over",
        text="Say to whoever asked how it was resolved, and resolve the ticket.",
    )  # fmt: skip


def _take_back(row: Ticket, incident: Incident) -> None:
    """It is not over after all: the ticket stands for the incident as before, and the promise of
    updates is the incident's again."""
    lateness.mark_late(row)
    advance(row, "escalated", actor=PORTAL, action=ESCALATE, changes={"next_update_due_at": None},
            reason=f"{incident.ref} is open again.")  # fmt: skip
    row.refresh_from_db(fields=["incident", "due_at"])
    clocks.follow(row, clocks.Clock.UPDATE)
    telling.told(
        row, "ticket.moved", key=f"taken back:{row.version}", users=[row.assignee_id],
        what=f"waits for {incident.ref}, which is open again",
        text="Whoever asked hears what the incident's customers are told.",
    )  # fmt: skip


def pass_on(incident: Incident, update: Update) -> None:
    """What customers are told is told to whoever asked."""
    if update.audience != Update.Audience.CUSTOMERS or incident.origin == Incident.Origin.DRILL:
        return
    for row in _standing_for(incident):
        answering.told_by_incident(row, update.text)


def register() -> None:
    followers.MOVED.append(follow)
    followers.POSTED.append(pass_on)
