"""A ticket goes on: acknowledged, triaged, taken, resolved, closed, opened again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.policy import role_label
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.catalog.models import Service
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from incidents.models import Ticket
from incidents.records import levels
from incidents.support import (
    calling,
    clocks,
    escalating,
    mailing,
    merging,
    people,
    reading,
    said,
    telling,
)
from incidents.support.holding import hold, hold_with_work, put, require_open
from incidents.support.lateness import mark_late
from incidents.support.noting import PORTAL, note, say
from incidents.support.seeing import after_seen, seen
from telemetry.snapshots import services as snapshots

RESPOND, TRIAGE, RESOLVE = "ticket.respond", "ticket.triage", "ticket.resolve"
_REASON = 500
_NOTE = 8_000
BLOCKS = "Somebody can't go on without an answer."
_BEFORE, _LONGEST = timedelta(hours=1), timedelta(days=29)


@transaction.atomic
def acknowledge(
    ticket: Ticket, *, actor: Actor, version: int | None = None, way: str = "console"
) -> Ticket:
    """Somebody has seen it. Whoever is first has it, until it is somebody else's."""
    row = hold(ticket, version=version)
    mark_late(row)
    changes = seen(row, actor)
    advance(row, "acknowledged", actor=actor, changes=changes)
    after_seen(row, actor, way=way)
    say(row, f"{row.ref} is acknowledged.", actor=actor)
    return row


@transaction.atomic
def triage(
    ticket: Ticket,
    *,
    actor: Actor,
    priority: str,
    category: str,
    blocking: bool | None = None,
    service: Service | None = None,
    assignee: User | None = None,
    version: int | None = None,
) -> Ticket:
    """What it is, how grave, and who works on it: the person named, or whoever its kind of trouble
    belongs to. P0 becomes an incident in the same breath."""
    row = hold_with_work(ticket, version=version)
    mark_late(row)
    given: dict[str, Any] = {
        "category": reading.category(category),
        "triaged_at": clock.now(),
        **seen(row, actor),
    }
    if blocking is not None:
        given["blocking"] = bool(blocking)
    blocks = bool(blocking) and not row.blocking
    if service is not None:
        given["service_id"] = reading.here(row.workspace, "service", service).pk
    advance(row, "triaged", actor=actor, changes=given)
    row.refresh_from_db(fields=["service", "assignee", "acknowledged_by"])
    calling.follow(row, actor=actor)
    wanted = reading.at_least(priority, blocks=blocks)
    if wanted != row.priority:
        reprioritise(row, wanted, actor, "Found at triage.")
    clocks.set_all(row)
    person = assignee or people.responsible(row)
    if person is not None and person.pk != row.assignee_id:
        _assign(row, person, actor, f"It is about {row.get_category_display().lower()}.")
    say(row, f"{row.ref} is triaged: {row.get_priority_display()},"
        f" {row.get_category_display().lower()}.", actor=actor)  # fmt: skip
    if row.priority == Ticket.Priority.P0:
        return escalating.of_itself(row, found_by=actor, reason="It is P0.")
    if row.blocking:
        tell_blocks(row)
    return row


@transaction.atomic
def change_priority(
    ticket: Ticket, priority: str, *, actor: Actor, reason: str, version: int | None = None
) -> Ticket:
    """The clocks are counted anew from when it came in; what was missed stays on record."""
    row = hold_with_work(ticket, version=version)
    policy.require(actor, TRIAGE, row)
    require_open(row)
    reason = text("reason", reason, _REASON, required=True)
    wanted = reading.priority(priority)
    if wanted == row.priority:
        raise Conflict(f"{row.ref} is {row.get_priority_display()} already.")
    reprioritise(row, wanted, actor, reason)
    clocks.set_all(row)
    if wanted == Ticket.Priority.P0 and row.status != Ticket.Status.ESCALATED:
        return escalating.of_itself(row, found_by=actor, reason=reason)
    return row


def reprioritise(row: Ticket, wanted: str, actor: Actor, reason: str) -> None:
    ladder = levels.of(row.workspace_id, "support")
    old, new = ladder[row.priority], ladder[wanted]
    put(row, {"priority": new.code})
    if row.item is not None:
        work.update_item(
            row.item, actor=PORTAL, priority=new.item_priority, add_labels=[new.code],
            remove_labels=[old.code],
        )  # fmt: skip
    note(
        row, TRIAGE, actor=actor, reason=reason, details={"transition": "priority"},
        said=f"{row.ref} is {new.title} now, no longer {old.title}: {reason}",
        before={"priority": old.code}, after={"priority": new.code},
    )  # fmt: skip
    calling.follow(row, actor=actor)
    if new.rank < old.rank and new.code != Ticket.Priority.P2:
        telling.told(
            row, "ticket.moved", key=f"priority:{row.version}", users=[row.assignee_id],
            roles={*telling.DESK, *new.informed}, urgent=True, what=f"is {new.title} now",
            text=reason,
        )  # fmt: skip


@transaction.atomic
def assign(
    ticket: Ticket,
    *,
    actor: Actor,
    assignee: User | None = None,
    role: str = "",
    reason: str = "",
    version: int | None = None,
) -> Ticket:
    """Somebody has it: a person, or of a role whoever is on duty; without either whoever asks."""
    row = hold(ticket, version=version)
    policy.require(actor, RESPOND, row)
    require_open(row)
    person = assignee
    if person is None and role:
        if role not in policy.PEOPLE:
            raise refuse("role", f"There is no role {role}.")
        person = people.there(row.workspace, role)
        if person is None:
            raise refuse("role", f"Nobody is there as {role_label(role).lower()}.")
    if person is None and actor.user_id is not None:
        person = User.objects.get(pk=actor.user_id)
    if person is None:
        raise refuse("assignee", "Say who.")
    if not people.is_here(person, row.workspace_id):
        raise refuse("assignee", "Nobody of that name is here.")
    if person.pk == row.assignee_id:
        return row
    _assign(row, person, actor, line("reason", reason, _REASON))
    return row


def _assign(row: Ticket, person: User, actor: Actor, reason: str) -> None:
    before = row.assignee
    put(row, {"assignee_id": person.pk})
    row.refresh_from_db(fields=["assignee"])
    note(
        row, RESPOND, actor=actor, reason=reason, details={"transition": "assigned"},
        said=f"{person.name} has {row.ref}.",
        before={"assignee": str(before) if before else None}, after={"assignee": str(person)},
    )  # fmt: skip
    if person.pk != actor.user_id:
        telling.told(row, "ticket.assigned", key=f"{person.pk}:{row.version}", users=[person.pk],
                     text=reason)  # fmt: skip


@transaction.atomic
def begin(ticket: Ticket, *, actor: Actor, version: int | None = None) -> Ticket:
    """Work on it begins, or goes on without waiting for an answer."""
    row = hold(ticket, version=version)
    changes: dict[str, Any] = {}
    if row.assignee_id is None and actor.user_id is not None:
        changes["assignee_id"] = actor.user_id
    advance(row, "working", actor=actor, changes=changes)
    if changes:
        row.refresh_from_db(fields=["assignee"])
    clocks.promise_update(row)
    say(row, f"{row.ref} is worked on.", actor=actor, status="in_progress")
    return row


@transaction.atomic
def resolve(
    ticket: Ticket,
    *,
    actor: Actor,
    resolution: str,
    snapshot: bool = False,
    tell: bool = True,
    version: int | None = None,
) -> Ticket:
    """It is answered for good. What it was is written down, and said to whoever asked. `snapshot`:
    the figures of the workspace as they stand are kept with it."""
    row = hold(ticket, version=version)
    policy.require(actor, RESOLVE, row)
    mark_late(row)
    row.resolution = redact_text(text("resolution", resolution, _NOTE, required=True))
    now = clock.now()
    changes: dict[str, Any] = {"resolution": row.resolution, "resolved_at": now, **seen(row, actor)}
    if snapshot:
        changes["snapshot_id"] = _snapshot(row, actor).pk
    if row.responded_at is None and tell:
        changes["responded_at"] = now
    advance(row, "resolved", actor=actor, changes=changes, reason=row.resolution[:_REASON])
    row.refresh_from_db(fields=["assignee", "acknowledged_by", "due_at", "snapshot"])
    calling.follow(row, actor=actor)
    clocks.stop(row)
    clocks.close_later(row)
    if tell:
        message = said.keep(row, "answer", row.resolution, actor=actor)
        mailing.send(row, message)
    closed = f"{row.ref} is resolved: {row.resolution}"[:500]
    say(row, closed, actor=actor, close=closed)
    return row


def _snapshot(row: Ticket, actor: Actor) -> Any:
    by = actor if policy.can(actor, "telemetry.snapshot", row.workspace) else PORTAL
    end = clock.now()
    return snapshots.take(
        row.workspace, actor=by, start=max(row.opened_at, end - _LONGEST) - _BEFORE, end=end,
        subject=subject_ref(row), note=f"For {row.ref}",
    )  # fmt: skip


@transaction.atomic
def close(ticket: Ticket, *, actor: Actor, reason: str = "", version: int | None = None) -> Ticket:
    row = hold(ticket, version=version)
    advance(row, "closed", actor=actor, changes={"closed_at": clock.now()},
            reason=line("reason", reason, _REASON))  # fmt: skip
    clocks.keep_open(row)
    return row


@timers.on(clocks.CLOSE)
@transaction.atomic
def close_unless_asked(timer: Timer) -> None:
    rows = Ticket.objects.filter(pk=timer.payload["ticket"], status=Ticket.Status.RESOLVED)
    row = rows.select_related("workspace").first()
    if row is not None:
        close(row, actor=PORTAL, reason="Nobody said that it does not work.")


@transaction.atomic
def reopen(ticket: Ticket, *, actor: Actor, reason: str, version: int | None = None) -> Ticket:
    row = hold(ticket, version=version)
    if row.status not in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    return open_again(row, actor=actor, reason=text("reason", reason, _REASON, required=True))


def open_again(row: Ticket, *, actor: Actor, reason: str) -> Ticket:
    """By the desk, or by what whoever asked has written since."""
    changes = {
        "reopened_at": clock.now(), "reopened": row.reopened + 1, "last_update_at": None,
        "closed_at": None,
    }  # fmt: skip
    advance(row, "reopened", actor=actor, changes=changes, reason=reason[:_REASON])
    clocks.keep_open(row)
    clocks.promise_update(row)
    say(row, f"{row.ref} is open again: {reason}", actor=actor, status="in_progress")
    telling.told(row, "ticket.moved", key=f"reopened:{row.reopened}", users=[row.assignee_id],
                 what="is open again", text=reason)  # fmt: skip
    return row


@transaction.atomic
def mark_spam(ticket: Ticket, *, actor: Actor, version: int | None = None) -> Ticket:
    """Nobody is answered, and its item is closed."""
    row = hold(ticket, version=version)
    advance(row, "spam", actor=actor, changes={"closed_at": clock.now()})
    calling.follow(row, actor=actor)
    clocks.stop(row)
    say(row, "", actor=actor, close=f"{row.ref} is spam.")
    return row


@transaction.atomic
def unmark_spam(ticket: Ticket, *, actor: Actor, version: int | None = None) -> Ticket:
    row = hold(ticket, version=version)
    advance(row, "new", actor=actor, changes={"closed_at": None})
    row.refresh_from_db(fields=["due_at"])
    calling.follow(row, actor=actor)
    clocks.set_all(row)
    say(row, f"{row.ref} is no spam.", actor=actor, status="open")
    return row


@transaction.atomic
def merge(
    ticket: Ticket, into: Ticket, *, actor: Actor, reason: str = "", version: int | None = None
) -> Ticket:
    """It is the same as another one, which goes on. Whoever asked is told where."""
    if ticket.pk == into.pk or ticket.workspace_id != into.workspace_id:
        raise refuse("into", "Name another ticket of this workspace.")
    row, target = merging.hold_both(ticket, into)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.",
                       details={"seen_version": version, "version": row.version})  # fmt: skip
    if target.status in {Ticket.Status.DUPLICATE, Ticket.Status.SPAM}:
        raise InvalidTransition(f"{target.ref} is {target.get_status_display().lower()}.")
    mark_late(row)
    changes: dict[str, Any] = {
        "duplicate_of_id": target.pk, "closed_at": clock.now(), **seen(row, actor),
    }  # fmt: skip
    reason = line("reason", reason, _REASON)
    advance(row, "duplicate", actor=actor, changes=changes, reason=reason)
    row.refresh_from_db(fields=["duplicate_of", "assignee", "acknowledged_by", "due_at"])
    calling.follow(row, actor=actor)
    clocks.stop(row)
    told = f"{row.ref} is the same as {target.ref}."
    message = said.keep(row, "answer", merging.sentence(row, target), actor=actor)
    mailing.send(row, message)
    merging.take_along(row, target, actor=actor, action=RESOLVE)
    said.keep(target, "note", f"{told} {row.subject}", actor=actor)
    note(target, RESOLVE, actor=actor, details={"transition": "merged"}, after={"merged": row.ref},
         reason=reason)  # fmt: skip
    say(row, "", actor=actor, close=f"{told} {reason}".strip())
    return row


def tell_blocks(row: Ticket) -> None:
    telling.told(row, "ticket.opened", key="blocking", roles=telling.DESK, urgent=True,
                 text=BLOCKS)  # fmt: skip


@transaction.atomic
def revoke_links(ticket: Ticket, *, actor: Actor, reason: str) -> Ticket:
    """Links and marks that were sent lead nowhere any more; the next mail carries new ones."""
    row = hold(ticket)
    policy.require(actor, RESPOND, row)
    reason = line("reason", reason, _REASON, required=True)
    put(row, {"link_number": row.link_number + 1})
    note(row, RESPOND, actor=actor, details={"transition": "links"}, reason=reason)
    return row
