"""A clock ran out: said on the item and told to whoever leads; of what is open for too long others
are called."""

from __future__ import annotations

from django.db import transaction

from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from incidents.models import Incident
from incidents.paging import runs
from incidents.records import levels, telling
from incidents.records.calling import EXECUTIVES
from incidents.records.clocks import CLOCKS
from incidents.records.noting import PORTAL, note

_SAID = {
    "incident.ack_missed": "nobody acknowledged it in time",
    "incident.start_missed": "nobody began to mitigate it in time",
    "incident.open_too_long": "it is open for too long",
    "incident.prolonged": "it lasts for long: how business goes on is to be decided",
}
_TOLD = {
    "incident.ack_missed": ("secondary_operator", "engineering_lead"),
    "incident.start_missed": ("engineering_lead",),
    "incident.open_too_long": ("engineering_lead", "vp_engineering"),
    "incident.prolonged": ("vp_engineering", "product_vp"),
}


@transaction.atomic
def missed(timer: Timer) -> None:
    incident = Incident.objects.burning().filter(pk=timer.payload["incident"]).first()
    if incident is None or CLOCKS[timer.kind][2](incident):
        return
    what = _SAID[timer.kind]
    level = levels.level(incident.workspace_id, incident.severity)
    note(
        incident, "incident.missed", actor=PORTAL, said=f"{incident.ref}: {what}.",
        details={"clock": timer.kind, "due": timer.due_at.isoformat()},
    )  # fmt: skip
    telling.missed(incident, what, f"{level.title} asks for it.", roles=_TOLD[timer.kind])
    if timer.kind == "incident.open_too_long" and level.pages:
        runs.call_role(
            incident,
            "engineering_lead",
            why="late",
            actor=PORTAL,
            reason=f"{incident.ref}: {what}.",
        )
    if timer.kind == "incident.prolonged" and level.pages:
        runs.begin(
            incident,
            policy=EXECUTIVES,
            why="late",
            actor=PORTAL,
            reason=f"{incident.ref}: {what}.",
        )


for _kind in CLOCKS:
    timers.on(_kind)(missed)
