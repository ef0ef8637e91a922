"""Whether it works again: what somebody looks at before an incident is over.

The newest look of each kind counts, if it is younger than the mitigation it speaks of: what came
back is looked at anew. Of grave ones all are asked for; of the others they are offered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from controlplane.lib.given import line
from controlplane.lib.redaction import redact_text
from incidents.models import Check, Incident
from incidents.querysets import ENDED
from incidents.records import reading
from incidents.records.holding import hold
from incidents.records.noting import PORTAL, note
from telemetry import snapshots

GRAVE = ("sev1", "sev2")
FIGURES, CUSTOMERS = "figures", "customers"
_LOOKED_AT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Kind:
    slug: str
    label: str
    hint: str


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind("flows", "Critical flows work", "Somebody walked them, from sign-in to result."),
        Kind(FIGURES, "Figures are back at their baseline",
             "Errors, latency and load of the last quarter of an hour are kept with it."),
        Kind("missions", "Missions run through", "One of each stage went on since."),
        Kind("trust", "Trust signals hold", "Safeguards, undo and evidence do what they should."),
        Kind("database", "The database is sound", "Connections, locks, disk, replication."),
        Kind(CUSTOMERS, "Customers were told", "A message to customers stands among the updates."),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One kind as it stands. `ok`: nothing more is asked of it."""

    kind: Kind
    newest: Check | None
    required: bool
    ok: bool


def standing(incident: Incident) -> list[Line]:
    since = incident.mitigated_at or incident.opened_at
    newest: dict[str, Check] = {}
    for row in incident.checks.filter(at__gte=since).order_by("pk"):
        newest[row.slug] = row
    grave = incident.severity in GRAVE
    told = None
    found = []
    for kind in KINDS.values():
        row = newest.get(kind.slug)
        ok = row is not None and row.outcome != Check.Outcome.FAILED
        if kind.slug == CUSTOMERS and not ok:
            # Said once it is said for good, whatever came back since.
            told = told if told is not None else _told(incident)
            ok = told
        found.append(Line(kind, row, grave, ok))
    return found


def _told(incident: Incident) -> bool:
    if incident.updates.posted().filter(audience="customers").exists():
        return True
    waived = incident.checks.filter(slug=CUSTOMERS).exclude(outcome="failed")
    return bool(waived.exists())


def in_the_way(incident: Incident) -> list[str]:
    """Sentences, for the gate before it is over."""
    if incident.severity not in GRAVE:
        return []
    open_ = [each for each in standing(incident) if not each.ok]
    said = []
    looked = [each.kind.label.lower() for each in open_ if each.kind.slug != CUSTOMERS]
    if looked:
        said.append(f"Look whether it works again: {', '.join(looked)}.")
    if any(each.kind.slug == CUSTOMERS for each in open_):
        said.append("Tell customers, or say why they need not be told.")
    return said


@transaction.atomic
def note_check(
    incident: Incident,
    slug: str,
    outcome: str,
    *,
    actor: Actor,
    remark: str = "",
) -> Check:
    """Somebody looked. What does not work, or was not looked at, says why; with the figures the
    telemetry of the last quarter of an hour is kept."""
    row = hold(incident)
    slug = reading.one_of("slug", slug, tuple(KINDS))
    outcome = reading.one_of("outcome", outcome, Check.Outcome.values)
    waived = slug == CUSTOMERS and outcome == Check.Outcome.WAIVED
    policy.require(actor, "incident.publish" if waived else "incident.mitigate", row)
    if row.status in ENDED:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    said = redact_text(line("note", remark, 500, required=outcome != Check.Outcome.OK))[:500]
    made = Check(
        workspace=row.workspace, incident=row, slug=slug, outcome=outcome, note=said,
        by=actor.ref[:80], figures=_figures(row) if slug == FIGURES else {},
    )  # fmt: skip
    made.save(force_insert=True)
    seen = f"{KINDS[slug].label}: {made.get_outcome_display().lower()}"
    note(
        row, "incident.check", actor=actor, reason=said,
        said=f"{row.ref}: {seen}. {said}".strip(),
        after={"check": slug, "outcome": outcome, "looked_at": seen, **made.figures},
    )  # fmt: skip
    return made


def _figures(row: Incident) -> dict[str, Any]:
    """As the dashboards have them now, for whoever reviews it."""
    now = clock.now()
    taken = snapshots.take(
        row.workspace, actor=PORTAL, start=now - _LOOKED_AT, end=now,
        subject=f"incidents.incident:{row.pk}", note=f"{row.ref}: back at the baseline?",
    )  # fmt: skip
    return {"snapshot": str(taken.uid), "state": taken.state}
