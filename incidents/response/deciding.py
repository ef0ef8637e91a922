"""What was decided while it burned: how business goes on, who is told, what is left undone."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from controlplane.lib.given import line
from controlplane.lib.redaction import redact_text
from incidents.models import Decision, Incident
from incidents.querysets import ENDED
from incidents.records.holding import hold
from incidents.records.noting import note


@transaction.atomic
def decide(incident: Incident, *, actor: Actor, text: str, why: str = "") -> Decision:
    row = hold(incident)
    policy.require(actor, "incident.decide", row)
    if row.status in ENDED:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    made = Decision(
        workspace=row.workspace, incident=row, decided_by=actor.ref[:80],
        text=redact_text(line("text", text, 500, required=True))[:500],
        why=redact_text(line("why", why, 1000))[:1000],
    )  # fmt: skip
    made.save(force_insert=True)
    because = f" Because: {made.why}" if made.why else ""
    note(
        row, "incident.decide", actor=actor, after={"decided": made.text}, reason=made.why,
        said=f"**Decided:** {made.text}{because}",
    )  # fmt: skip
    return made
