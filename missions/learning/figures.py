"""The figures of a retrospective, as of now: what people said, what it did, whether it kept to its
safeguards, and how that compares to others of its type. Plain JSON values: they are signed."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, F, Q, Sum

from missions import numbers_learning
from missions.models import (
    Feedback,
    Finding,
    Mission,
    Override,
    Retrospective,
    RunStep,
    Safeguard,
    StageVisit,
    UndoRun,
    Violation,
)

_GIVEN = Q(status=Feedback.Status.GIVEN)


def figures_of(mission: Mission) -> dict[str, Any]:
    return {
        "feedback": feedback_of(mission),
        "impact": impact_of(mission),
        "safeguards": safeguards_of(mission),
        "trend": trend_of(mission),
    }


def rounded(value: Any, digits: int = 2) -> float | None:
    return None if value is None else round(float(value), digits)


def share(part: int, whole: int) -> float | None:
    """In percent; of nothing there is no share."""
    return None if not whole else round(100 * part / whole, 1)


def feedback_of(mission: Mission) -> dict[str, Any]:
    found = Feedback.objects.filter(mission=mission).aggregate(
        asked=Count("pk"),
        given=Count("pk", filter=_GIVEN),
        declined=Count("pk", filter=Q(status=Feedback.Status.DECLINED)),
        rating=Avg("rating", filter=_GIVEN),
        satisfaction=Avg("satisfaction", filter=_GIVEN),
        minutes=Sum("effort_saved_minutes", filter=_GIVEN),
    )
    return {
        "asked": found["asked"],
        "given": found["given"],
        "declined": found["declined"],
        "rating": rounded(found["rating"]),
        "satisfaction": rounded(found["satisfaction"]),
        "effort_saved_minutes": found["minutes"] or 0,
    }


def impact_of(mission: Mission) -> dict[str, Any]:
    """Actions as agents reported them, how long it took, how often it went back."""
    steps = RunStep.objects.filter(mission=mission).aggregate(
        actions=Count("pk"),
        succeeded=Count("pk", filter=Q(status="succeeded")),
        failed=Count("pk", filter=Q(status="failed")),
        changes=Count("pk", filter=Q(mutating=True, status="succeeded")),
        people=Count("pk", filter=Q(agent__startswith="user:")),
    )
    undone = UndoRun.objects.filter(plan__play__mission=mission, drill=False).aggregate(
        completed=Count("pk", filter=Q(status="completed")),
        failed=Count("pk", filter=Q(status="failed")),
    )
    visits = list(StageVisit.objects.filter(mission=mission).exclude(left_at=None))
    dwelt: dict[str, int] = {}
    for visit in visits:
        dwelt[visit.stage] = dwelt.get(visit.stage, 0) + round(visit.dwell.total_seconds())
    automated = steps["actions"] - steps["people"]
    return {
        "actions": steps["actions"],
        "succeeded": steps["succeeded"],
        "failed": steps["failed"],
        "changes": steps["changes"],
        "automated_percent": share(automated, steps["actions"]),
        "undone": undone["completed"],
        "undo_failed": undone["failed"],
        "sent_back": sum(1 for visit in visits if visit.outcome == "sent_back"),
        "stage_seconds": dwelt,
    }


def safeguards_of(mission: Mission) -> dict[str, Any]:
    """Compliance: of all looks at its safeguards those that passed, or were fixed at once."""
    found = Finding.objects.filter(mission=mission).aggregate(
        looked=Count("pk", filter=~Q(result="skipped")),
        passed=Count("pk", filter=Q(result="passed")),
        fixed=Count("pk", filter=Q(result="auto_fixed")),
        failed=Count("pk", filter=Q(result="failed")),
        open=Count("pk", filter=Q(status="open")),
    )
    return {
        "safeguards": Safeguard.objects.filter(mission=mission).holding().count(),
        **found,
        "compliance_percent": share(found["passed"] + found["fixed"], found["looked"]),
        "violations": Violation.objects.filter(mission=mission).count(),
        "let_pass": Override.objects.filter(mission=mission)
        .filter(status__in=["granted", "revoked", "expired"])
        .count(),
    }


def trend_of(mission: Mission) -> dict[str, Any]:
    """The last completed missions of its type, this one left out."""
    if not mission.mission_type:
        return {"type": "", "missions": 0}
    others = (
        Mission.objects.of(mission.workspace_id)
        .filter(mission_type=mission.mission_type, status=Mission.Status.COMPLETED)
        .exclude(pk=mission.pk)
        .order_by("-closed_at")[: numbers_learning.TREND_MISSIONS.value]
    )
    ids = [row.pk for row in others]
    if not ids:
        return {"type": mission.mission_type, "missions": 0}
    said = Feedback.objects.given().filter(mission__in=ids)
    told = said.aggregate(rating=Avg("rating"), minutes=Sum("effort_saved_minutes"))
    took = Mission.objects.filter(pk__in=ids).aggregate(days=Avg(F("closed_at") - F("started_at")))[
        "days"
    ]
    violated = Violation.objects.filter(mission__in=ids).values("mission").distinct().count()
    reuse = Retrospective.objects.filter(visit__mission__in=ids, reuse__in=["reusable", "adapt"])
    return {
        "type": mission.mission_type,
        "missions": len(ids),
        "rating": rounded(told["rating"]),
        "effort_saved_minutes": told["minutes"] or 0,
        "with_feedback": said.values("mission").distinct().count(),
        "violated": violated,
        "reusable": reuse.values("visit__mission").distinct().count(),
        "days": rounded(took.total_seconds() / 86_400, 1) if took is not None else None,
    }
