"""Others are called to an incident: whom its kind of trouble needs, and whom somebody asks for."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.given import refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.notify.models import Contact
from controlplane.notify.services.contacts import SPECIALTIES
from controlplane.work import services as work
from incidents.models import EscalationRun, Incident, SeverityLevel
from incidents.paging import runs, shipped
from incidents.paging.ending import OPEN
from incidents.paging.ways import gateways_of
from incidents.paging.who import lack_of
from incidents.records import levels, reading
from incidents.records.holding import hold_with_work, require_burning
from incidents.records.noting import PORTAL, note

LEAD, EXECUTIVES, LEGAL = "engineering-lead", "executives", "legal"
DATA = "data_integrity"
# Why somebody calls others, in the playbooks' words.
BECAUSE: dict[str, str] = {
    "mitigation_failed": "What was tried did not help",
    "too_slow": "It will take longer than it may",
    DATA: "Data may be wrong or lost",
    LEGAL: "It is a matter of law, or of what was signed",
}
# Said of it once, it stays with its record.
_FLAGS = {DATA: "data_at_risk", LEGAL: "legal_matter"}
_SPECIALISTS = {"data": ("database_lead",), "governance": ("governance_validator",)}


def specialists(category: str) -> tuple[str, ...]:
    """Roles that a kind of trouble needs beside those on call."""
    known = SPECIALTIES.get(category)
    return known.roles if known is not None else _SPECIALISTS.get(category, ())


def call_specialists(
    incident: Incident, category: str, level: SeverityLevel, *, actor: Actor, reason: str
) -> None:
    roles = specialists(category)
    if roles and level.pages:
        runs.begin(
            incident, policy=shipped.NAMED, why="specialist", actor=actor, reason=reason, also=roles
        )


@transaction.atomic
def escalate(
    incident: Incident,
    *,
    actor: Actor,
    because: str,
    reason: str,
    role: str = "",
    version: int | None = None,
) -> Incident:
    """Call others now: the next level, or what this needs; with `role` that one and no one else."""
    row = hold_with_work(incident, version=version)
    policy.require(actor, "incident.escalate", row)
    require_burning(row)
    because = reading.one_of("because", because, tuple(BECAUSE))
    reason = text("reason", reason, 500, required=True)
    if role and role not in policy.PEOPLE:
        raise refuse("role", f"There is no role {role}.")
    whom = _call(row, because, role, actor, f"{BECAUSE[because]}: {reason}")
    changes = {_FLAGS[because]: True} if because in _FLAGS else {}
    if changes and row.item is not None:
        work.update_item(row.item, actor=PORTAL, add_labels=[because.replace("_", "-")])
    Incident.objects.filter(pk=row.pk).update(version=F("version") + 1, **changes)
    row.refresh_from_db(fields=["version", *changes])
    note(
        row, "incident.escalate", actor=actor, reason=reason,
        said=f"Others are called ({whom}). {BECAUSE[because]}: {reason}",
        after={"because": because, "called": whom, **changes},
    )  # fmt: skip
    return row


@transaction.atomic
def call_contact(
    incident: Incident,
    *,
    actor: Actor,
    contact: Contact,
    message: str,
    version: int | None = None,
) -> Incident:
    """One of the contact book, by name, and no one else: they read the message, and answer by one
    tap. Who can't be called now is refused here, and not found out later."""
    row = hold_with_work(incident, version=version)
    policy.require(actor, "incident.escalate", row)
    require_burning(row)
    message = redact_text(text("message", message, 500, required=True))
    held = Contact.objects.filter(workspace=row.workspace_id, is_active=True, pk=contact.pk)
    known = held.select_related("user").first()
    if known is None:
        raise refuse("contact", "Choose somebody of this workspace's contact book.")
    lack = why_not_now(known)
    if lack:
        raise refuse("contact", lack)
    mine = {"user": known.user_id} if known.user_id else {"contact": known.pk}
    if row.pages.filter(run__status="running", status__in=OPEN, **mine).exists():
        raise refuse("contact", f"{known.name} is being called already.")
    runs.call_contact(row, known, actor=actor, message=message)
    Incident.objects.filter(pk=row.pk).update(version=F("version") + 1)
    row.refresh_from_db(fields=["version"])
    note(
        row, "incident.escalate", actor=actor, reason=message,
        said=f"{known.name} is called from the contact book. {message}",
        after={"contact": str(known.uid), "called": known.name},
    )  # fmt: skip
    return row


def why_not_now(contact: Contact) -> str:
    """Why somebody of the book can't be called at this moment, or ""."""
    if contact.user is not None and contact.user.is_active:
        return ""
    lines = gateways_of([contact.workspace_id]).get(contact.workspace_id, set())
    return lack_of(contact, lines, clock.now())


def _call(row: Incident, because: str, role: str, actor: Actor, reason: str) -> str:
    """Who is called, in words."""
    if role:
        runs.call_role(row, role, why="hand", actor=actor, reason=reason)
        return policy.role_label(role)
    if because == LEGAL:
        run = runs.begin(row, policy=LEGAL, why="specialist", actor=actor, reason=reason)
        return run.policy.policy.title
    level = levels.level(row.workspace_id, row.severity)
    run = runs.begin(row, policy=_next(row, level), why="hand", actor=actor, reason=reason)
    if because == DATA:
        call_specialists(row, "data", level, actor=actor, reason=reason)
    return run.policy.policy.title


def _next(row: Incident, level: SeverityLevel) -> str:
    """The second level, unless that was called already."""
    called = EscalationRun.objects.filter(incident=row, policy__policy__slug=LEAD)
    if "engineering_lead" in level.at_once or called.exists():
        return EXECUTIVES
    return LEAD
