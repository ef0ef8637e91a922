"""What people owe regularly: reviews, drills, rotations, check-lists.

A package registers its duties once; every workspace gets its own obligation, which its admins may
change or switch off. A record is opened when a period begins, due when it ends in the
workspace's time zone, reminded of by timers, fulfilled with evidence by the owner's role, and
signed by a second person where the duty asks for one. What is late stays on the overdue list.

    register("audit.weekly_review", title=…, owner_role="security_lead", cadence="weekly", …)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit import services as audit
from controlplane.jobs import timers
from controlplane.jobs.models import Obligation, ObligationRecord, Timer
from controlplane.jobs.periods import Period, periods_between
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.actors import job as job_actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed

__all__ = ["Obligation", "ObligationRecord", "fulfil", "on_reminder", "register", "sign"]

REMIND_AT = defaults.define(
    "obligations.remind_share",
    0.75,
    unit="share of the period",
    why="The owner is reminded when this much of the period has gone and nothing is recorded.",
)
CATCH_UP = defaults.define(
    "obligations.catch_up_periods",
    6,
    unit="periods",
    why="After a long pause this many missed periods still get their record, so the gap shows.",
)

Status = ObligationRecord.Status
Moment = Literal["reminder", "overdue", "sign"]
Reminder = Callable[[ObligationRecord, Moment], None]
_ACTOR = job_actor("obligations")


@dataclass(frozen=True, slots=True)
class Duty:
    slug: str
    title: str
    owner_role: str
    cadence: str
    evidence: str
    sign_role: str
    why: str


DUTIES: dict[str, Duty] = {}
REMINDERS: list[Reminder] = []


def register(
    slug: str,
    *,
    title: str,
    owner_role: str,
    cadence: str,
    evidence: str,
    why: str,
    sign_role: str = "",
) -> Duty:
    """Declare a duty of every workspace. `evidence`: what its record must show; `why`: what would
    be lost without it, for whoever wonders."""
    for role in (owner_role, sign_role):
        if role and role not in policy.ROLES:
            raise ValueError(f"obligation {slug}: unknown role {role}")
    duty = Duty(slug, title, owner_role, cadence, evidence, sign_role, why)
    if DUTIES.setdefault(slug, duty) != duty:
        raise ValueError(f"obligation {slug} is registered twice")
    return duty


def why(slug: str) -> str:
    """Said by whoever declared it, and kept nowhere else: every workspace reads the same words."""
    found = DUTIES.get(slug)
    return found.why if found is not None else ""


def on_reminder(handler: Reminder) -> Reminder:
    """Register who passes reminders on; called in the timer's transaction."""
    if handler not in REMINDERS:
        REMINDERS.append(handler)
    return handler


def open_due(now: datetime | None = None) -> int:
    """Make what is missing: obligations of new duties, records of periods that have begun."""
    moment = now or clock.now()
    opened = 0
    for workspace in Workspace.objects.filter(archived_at=None):
        _adopt(workspace, moment)
        for obligation in Obligation.objects.filter(workspace=workspace, active=True):
            opened += _open_records(obligation, workspace, moment)
    return opened


def _adopt(workspace: Workspace, now: datetime) -> None:
    known = set(Obligation.objects.filter(workspace=workspace).values_list("slug", flat=True))
    today = timezone.localdate(now, timezone=workspace_zone(workspace))
    Obligation.objects.bulk_create(
        [
            Obligation(
                workspace=workspace,
                slug=duty.slug,
                title=duty.title,
                owner_role=duty.owner_role,
                sign_role=duty.sign_role,
                cadence=duty.cadence,
                evidence=duty.evidence,
                since=today,
            )
            for duty in DUTIES.values()
            if duty.slug not in known
        ],
        ignore_conflicts=True,
    )


def workspace_zone(workspace: Workspace) -> ZoneInfo:
    return ZoneInfo(workspace.time_zone)


def _open_records(obligation: Obligation, workspace: Workspace, now: datetime) -> int:
    zone = workspace_zone(workspace)
    today = timezone.localdate(now, timezone=zone)
    newest = obligation.records.order_by("-starts_at").values_list("starts_at", flat=True).first()
    first = obligation.since if newest is None else timezone.localdate(newest, timezone=zone)
    wanted = periods_between(obligation.cadence, first, today)[-CATCH_UP.value :]
    have = set(
        obligation.records.filter(period__in=[p.name for p in wanted]).values_list(
            "period", flat=True
        )
    )
    return sum(
        _open_record(obligation, period, zone) for period in wanted if period.name not in have
    )


def _open_record(obligation: Obligation, period: Period, zone: ZoneInfo) -> bool:
    with transaction.atomic():
        _lock_numbers(obligation.workspace_id)
        if obligation.records.filter(period=period.name).exists():
            return False
        number = ObligationRecord.objects.filter(workspace_id=obligation.workspace_id).aggregate(
            last=Max("number")
        )["last"]
        starts_at, due_at = period.bounds(zone)
        record = ObligationRecord.objects.create(
            workspace_id=obligation.workspace_id,
            number=(number or 0) + 1,
            obligation=obligation,
            period=period.name,
            starts_at=starts_at,
            due_at=due_at,
        )
        _promise_reminders(record)
    return True


def _lock_numbers(workspace_id: int) -> None:
    """Numbers are without gaps and unique: one writer per workspace at a time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('jobs.obligation'), %s)", [workspace_id]
        )


def _promise_reminders(record: ObligationRecord) -> None:
    reminder = record.starts_at + (record.due_at - record.starts_at) * REMIND_AT.value
    for moment, due_at in (("reminder", reminder), ("overdue", record.due_at)):
        timers.set_timer(
            "obligation.remind",
            key=f"obligation:{record.uid}:{moment}",
            due_at=due_at,
            subject=f"jobs.obligationrecord:{record.pk}",
            workspace_id=record.workspace_id,
            payload={"record": record.pk, "moment": moment},
        )


@timers.on("obligation.remind")
def _remind(timer: Timer) -> None:
    record = ObligationRecord.objects.select_related("obligation").get(pk=timer.payload["record"])
    if record.status == Status.COMPLETE or not record.obligation.active:
        return
    moment: Moment = "sign" if record.status == Status.RECORDED else timer.payload["moment"]
    for handler in REMINDERS:
        handler(record, moment)
    audit.record(_ACTOR, "obligation.remind", record, details={"moment": moment})


def fulfil(
    record: ObligationRecord,
    *,
    actor: Actor,
    note: str,
    evidence_url: str = "",
    version: int | None = None,
) -> ObligationRecord:
    """Record what was done. Complete at once, or waiting for the second person."""
    if not note.strip():
        raise Invalid("Say what was done.", details={"note": "Required."})
    with transaction.atomic():
        row = _locked(record, version)
        policy.require(actor, "obligation.fulfil", row)
        if row.status != Status.DUE:
            raise Conflict(f"{row.ref} has been recorded already.")
        row.status = Status.RECORDED if row.obligation.sign_role else Status.COMPLETE
        row.note, row.evidence_url = note.strip(), evidence_url
        row.recorded_at, row.recorded_by_id = clock.now(), actor.user_id
        _store(row, "status", "note", "evidence_url", "recorded_at", "recorded_by")
        audit.record(
            actor,
            "obligation.fulfil",
            row,
            before={"status": Status.DUE.value},
            after={"status": str(row.status), "evidence_url": evidence_url},
            reason=note,
        )
    return row


def sign(
    record: ObligationRecord, *, actor: Actor, statement: str, version: int | None = None
) -> ObligationRecord:
    """The second person confirms what the first recorded."""
    if not statement.strip():
        raise Invalid("Say what you confirm.", details={"statement": "Required."})
    with transaction.atomic():
        row = _locked(record, version)
        if actor.user_id is None:
            raise NotAllowed("Only a person signs.")
        policy.require(actor, "obligation.sign", row)
        if row.status != Status.RECORDED:
            raise Conflict(f"{row.ref} is not waiting for a signature.")
        row.status, row.statement = Status.COMPLETE, statement.strip()
        row.signed_at, row.signed_by_id = clock.now(), actor.user_id
        _store(row, "status", "statement", "signed_at", "signed_by")
        audit.record(
            actor,
            "obligation.sign",
            row,
            before={"status": Status.RECORDED.value},
            after={"status": Status.COMPLETE.value},
            reason=statement,
        )
    return row


def change(
    obligation: Obligation, *, actor: Actor, active: bool, owner_role: str, reason: str = ""
) -> Obligation:
    """Switch an obligation of a workspace off or on, or give it to another role."""
    if owner_role not in policy.PEOPLE:
        raise Invalid("Unknown role.", details={"owner_role": "Choose a role of people."})
    with transaction.atomic():
        row = Obligation.objects.select_for_update().get(pk=obligation.pk)
        policy.require(actor, "obligation.manage", row)
        before = {"active": row.active, "owner_role": row.owner_role}
        row.active, row.owner_role, row.version = active, owner_role, row.version + 1
        row.save(update_fields=["active", "owner_role", "version"])
        after = {"active": active, "owner_role": owner_role}
        audit.record(actor, "obligation.manage", row, before=before, after=after, reason=reason)
    return row


def _locked(record: ObligationRecord, version: int | None) -> ObligationRecord:
    row = (
        ObligationRecord.objects.select_for_update(of=("self",))
        .select_related("obligation")
        .get(pk=record.pk)
    )
    if version is not None and row.version != version:
        raise Conflict(f"{row.ref} was changed meanwhile. Reload and look again.")
    return row


def _store(row: ObligationRecord, *fields: str) -> None:
    row.version += 1
    row.save(update_fields=[*fields, "version"])


@policy.rule("obligation.fulfil")
def only_the_owners_role(actor: Actor, row: object) -> str | None:
    """The role that owes it, or the workspace's admin in its stead."""
    if not isinstance(row, ObligationRecord):
        return None
    role = row.obligation.owner_role
    if actor.roles_in(row.workspace_id) & {role, "workspace_admin"}:
        return None
    return f"owed by {policy.ROLES[role][0]}"


@policy.rule("obligation.sign")
def signed_by_a_second_person(actor: Actor, row: object) -> str | None:
    """Holds the signing role, and is not who recorded it."""
    if not isinstance(row, ObligationRecord):
        return None
    role = row.obligation.sign_role
    if actor.user_id == row.recorded_by_id:
        return "whoever recorded it cannot sign it"
    if role and not actor.roles_in(row.workspace_id) & {role, "workspace_admin"}:
        return f"signed by {policy.ROLES[role][0]}"
    return None
