"""Who was on a server: told by the servers themselves, and held against the rota.

Servers are for whoever is on call. Which of them let somebody in is known there alone; each tells
it here, and it stands in the audit log, is read with the week's review, and calls the security lead
where nobody was meant to be there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Membership, User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.given import line, refuse
from controlplane.lib.ids import uuid7
from controlplane.notify import wording
from controlplane.notify.services.news import To, notify
from controlplane.oncall import duty

ACTION = "server.report"
ON_SERVERS = ("primary_operator", "secondary_operator")
TOLD = ("security_lead",)
OLDEST_DAYS = defaults.define(
    "servers.oldest_days",
    7,
    unit="days",
    why="Told later than that, the week in which it happened was read and signed without it.",
)
_SKEW = timedelta(minutes=5)  # of two clocks
wording.register(
    "server.off_duty",
    "Somebody was on a server without being on call",
    subject="{who} was on {host} and not on call",
    body="{who} was let in to {host} at {when} UTC and was not on call. Said of it: {why}.\n\n"
    "Ask them what it was for, and who let them in; lock the account if it was not them.",
)


@dataclass(frozen=True, slots=True)
class Visit:
    uid: str  # of the row in the audit log
    on_duty: bool
    known: bool  # whether somebody who works here is meant


@transaction.atomic
def note_visit(workspace: Workspace, *, actor: Actor, **given: Any) -> Visit:
    """`host`, `account` (the name on the host), `email`, `began_at`; may be: `ended_at`, `reason`,
    `session`."""
    policy.require(actor, ACTION, workspace)
    said = _read(given)
    person = _person(workspace, said["email"])
    there = person is not None and _on_duty(workspace, person, said["began_at"])
    who = said["account"] if person is None else (person.name or said["account"])
    told = {
        "host": said["host"],
        "account": said["account"],
        "session": said["session"],
        "began_at": said["began_at"].isoformat(),
        "ended_at": said["ended_at"].isoformat() if said["ended_at"] else None,
        "on_duty": there,
        "known": person is not None,
    }
    row = record(
        actor, ACTION, person or workspace, workspace_id=workspace.pk, details=told,
        reason=said["reason"], label=f"{who} on {said['host']}"[:200],
    )  # fmt: skip
    if not there:
        notify(
            workspace_id=workspace.pk,
            kind="server.off_duty",
            to=To(roles=TOLD),
            key=_key(said),
            values={
                "who": who,
                "host": said["host"],
                "when": f"{said['began_at']:%Y-%m-%d %H:%M}",
                "why": said["reason"] or "nothing",
            },
            about=f"audit.auditevent:{row.pk}",
        )
    return Visit(str(row.uid), there, person is not None)


def _key(said: dict[str, Any]) -> str:
    """The same visit told twice, at its beginning and with its end, is one. A server counts its
    sessions by itself, so that their names say nothing without it and the account."""
    if not said["session"]:
        return f"server:{uuid7()}"
    visit = "\0".join((said["host"], said["account"], said["session"]))
    return f"server:{hashlib.sha256(visit.encode()).hexdigest()}"


def _read(given: dict[str, Any]) -> dict[str, Any]:
    began, ended, now = given["began_at"], given.get("ended_at"), clock.now()
    if began > now + _SKEW:
        raise refuse("began_at", "This time is still to come.")
    if began < now - timedelta(days=OLDEST_DAYS.value):
        raise refuse("began_at", f"At most {OLDEST_DAYS.value} days ago.")
    if ended is not None and ended < began:
        raise refuse("ended_at", "It ended before it began.")
    return {
        "host": line("host", given["host"], 200, required=True),
        "account": line("account", given["account"], 80, required=True),
        "email": line("email", given.get("email", ""), 254),
        "session": line("session", given.get("session", ""), 80),
        "reason": line("reason", given.get("reason", ""), 300),
        "began_at": began,
        "ended_at": ended,
    }


def _person(workspace: Workspace, email: str) -> User | None:
    rows = Membership.objects.filter(workspace=workspace, left_at=None, user__is_active=True)
    found = rows.filter(user__email__iexact=email).select_related("user").first() if email else None
    return found.user if found is not None else None


def _on_duty(workspace: Workspace, person: User, at: datetime) -> bool:
    found = duty.on_duty_many([(workspace.pk, role) for role in ON_SERVERS], at)
    return any(one.person.pk == person.pk for duties in found.values() for one in duties)
