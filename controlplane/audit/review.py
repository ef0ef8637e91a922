"""The weekly reading of the log: an extract prepared by a job, signed by the security lead."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from controlplane.audit import scope
from controlplane.audit.models import AuditEvent, AuditReview
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed

WEEKLY_REVIEW = "audit.weekly_review"  # the recurring obligation that a signed review fulfils
SHOWN = 50  # rows of each group copied into the extract; the counts are of all

GROUPS: dict[str, tuple[str, Q]] = {
    "denials": ("Refused operations", Q(outcome="denied")),
    "failures": ("Failed operations", Q(outcome="failed")),
    "break_glass": (
        "Break-glass",
        Q(action__startswith="break_glass.") | Q(action__startswith="breakglass."),
    ),
    "keys": ("Keys, tokens and trusted issuers", Q(action__startswith="key.")),
    "access": ("Members, roles and locks", Q(action__startswith="member.")),
    "servers": ("People on servers", Q(action="server.report", outcome="done")),
    "exports": ("Exports", Q(action__endswith=".export")),
}


def week_of(day: date) -> tuple[str, datetime, datetime]:
    """ISO week of a day: its name, its start and its end, in UTC."""
    monday = day - timedelta(days=day.isoweekday() - 1)
    start = datetime.combine(monday, time(), UTC)
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}", start, start + timedelta(days=7)


def extract(workspace_id: int, since: datetime, until: datetime) -> dict[str, Any]:
    """What a reviewer must look at: counts of everything, rows of what is delicate."""
    events = AuditEvent.objects.filter(workspace_id=workspace_id, at__gte=since, at__lt=until)
    counts = events.values("outcome").annotate(count=Count("id")).values_list("outcome", "count")
    groups = {}
    for name, (title, wanted) in GROUPS.items():
        chosen = events.filter(wanted)
        rows = chosen.order_by("-id").values(
            "uid", "at", "actor_ref", "actor_label", "action", "subject_ref", "subject_label",
            "outcome", "rule", "reason",
        )[:SHOWN]  # fmt: skip
        groups[name] = {
            "title": title,
            "count": chosen.count(),
            "rows": [{**row, "uid": str(row["uid"]), "at": row["at"].isoformat()} for row in rows],
        }
    return {"outcomes": dict(counts), "groups": groups}


def prepare_review(actor: Actor, workspace_id: int, *, day: date | None = None) -> AuditReview:
    """The review of the week before `day` (today). Made once; a second call returns the first."""
    name, since, until = week_of((day or clock.now().date()) - timedelta(days=7))
    with transaction.atomic():
        made, created = AuditReview.objects.get_or_create(
            workspace_id=workspace_id,
            week=name,
            defaults={
                "since": since,
                "until": until,
                "extract": extract(workspace_id, since, until),
            },
        )
        if created:
            record(actor, "audit.prepare_review", made)
    return made


def sign_review(actor: Actor, review: AuditReview, *, statement: str) -> AuditReview:
    """The security lead says what was read and found. Once: a signature is not rewritten."""
    if actor.kind != "person":
        raise NotAllowed("Only a person signs.")
    scope.require(actor, "audit.review", review)
    if not statement.strip():
        raise Invalid("say what you read and found", details={"statement": "required"})
    with transaction.atomic():
        signed = AuditReview.objects.filter(pk=review.pk, signed_at=None).update(
            signed_at=clock.now(), signed_by=str(actor)[:200], statement=statement.strip()
        )
        if not signed:
            raise Conflict("this review is signed already")
        review.refresh_from_db()
        record(
            actor, "audit.review", review, reason=statement, after={"signed_by": review.signed_by}
        )
    return review
