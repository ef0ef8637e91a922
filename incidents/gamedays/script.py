"""What is played: a scene to begin with, and the phases of the playbook in their order, each with
how it is seen on the incident's own row that it was done, and by when it was to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidents.models import Incident, IncidentReview, Page, SeverityLevel
from incidents.response import checks

MINUTE, HOUR = 60, 3_600


@dataclass(frozen=True, slots=True)
class Scene:
    """What breaks, as whoever plays sees it. `runbook`: the one that helps."""

    slug: str
    title: str
    symptoms: str
    category: str
    runbook: str


SCENES: Mapping[str, Scene] = {
    scene.slug: scene
    for scene in (
        Scene(
            "deploy", "A release is out, and people see the old screens",
            "The release of a quarter of an hour ago is half out: some people see the old screens,"
            " some an empty page.",
            "service", "frontend_deploy",
        ),
        Scene(
            "agent", "The agents' service does not answer",
            "Its health check runs into its limit, and missions stay where they are.",
            "service", "agent_health",
        ),
        Scene(
            "pool", "The database has no connection left",
            "Missions can't be saved, pages are slow, and the log says that the pool is exhausted.",
            "database", "postgres_pool",
        ),
        Scene(
            "limit", "A toolkit refuses calls: there are too many",
            "Every second call of a toolkit is answered with 429, and plans stop half way.",
            "service", "composio_rate_limit",
        ),
        Scene(
            "evidence", "Evidence can't be stored",
            "Bundles fail while they are uploaded, and missions can't be closed.",
            "data", "evidence_upload",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phase:
    """`stretch`: which phase of the playbook it belongs to. `move`: what does it, from the
    incident's page. `worth`: points of a hundred."""

    slug: str
    stretch: str
    label: str
    hint: str
    worth: int
    goal: Callable[[SeverityLevel], int]
    seen: Callable[[Incident], datetime | None]
    move: str = ""


TRIAGE, MITIGATE = "Detection and triage", "Mitigation"
RESOLVE, REVIEW = "Resolution and verification", "Review"


def _called(row: Incident) -> datetime | None:
    rows = Page.objects.filter(incident=row, notification__isnull=False).order_by("created_at")
    found: datetime | None = rows.values_list("created_at", flat=True).first()
    return found


def _announced(row: Incident) -> datetime | None:
    found: datetime | None = (
        row.updates.posted().order_by("posted_at").values_list("posted_at", flat=True).first()
    )
    return found


def _verified(row: Incident) -> datetime | None:
    """When the last of it was looked at; none while something is missing."""
    if row.mitigated_at is None:
        return None
    standing = checks.standing(row)
    if not all(each.ok for each in standing):
        return None
    return max((each.newest.at for each in standing if each.newest is not None), default=None)


def _reviewed(row: Incident) -> datetime | None:
    review = IncidentReview.objects.filter(incident=row).only("published_at").first()
    return review.published_at if review is not None else None


PHASES: tuple[Phase, ...] = (
    Phase("detect", TRIAGE, "Somebody is called",
          "The alert reaches whoever is on duty: a page, not a look at a dashboard.",
          5, lambda level: 30, _called),
    Phase("acknowledge", TRIAGE, "Somebody is on it", "Acknowledge by the page, or here.",
          15, lambda level: level.ack_s or 5 * MINUTE, lambda row: row.first_acknowledged_at,
          "acknowledge"),
    Phase("triage", TRIAGE, "What is seen, since when, and whom it touches",
          "Look at dashboards and at what changed shortly before; say the share of users.",
          10, lambda level: 2 * (level.ack_s or 5 * MINUTE), lambda row: row.triaged_at, "triage"),
    Phase("announce", TRIAGE, "Everybody is told", "Post the first update, with the next time.",
          10, lambda level: level.update_s or 15 * MINUTE, _announced),
    Phase("mitigate", MITIGATE, "Work on it begins",
          "Roll back, switch off, add capacity, open a breaker, limit a rate.",
          10, lambda level: level.mitigation_starts_s or 15 * MINUTE,
          lambda row: row.mitigation_started_at, "mitigate"),
    Phase("mitigated", MITIGATE, "It hurts nobody any more", "Say what was done.",
          20, lambda level: level.mitigate_s or level.restore_s or 30 * MINUTE,
          lambda row: row.mitigated_at, "mitigated"),
    Phase("verify", RESOLVE, "It works again, and somebody looked",
          "Each look on the page is ticked or left out with a reason.",
          10, lambda level: 2 * HOUR, _verified),
    Phase("monitor", RESOLVE, "It is watched", "Watch that it stays so.",
          5, lambda level: 2 * HOUR, lambda row: row.restored_at, "watch"),
    Phase("resolve", RESOLVE, "It is over", "Say what caused it.",
          5, lambda level: 2 * HOUR + (level.monitor_s or 0), lambda row: row.resolved_at,
          "resolve"),
    Phase("review", REVIEW, "It is looked back on",
          "Five whys, what went well, what is to be done, each with a name and a day.",
          10, lambda level: level.review_s or 48 * HOUR, _reviewed, "review"),
)  # fmt: skip


def goals(level: SeverityLevel) -> list[dict[str, Any]]:
    """As they stood when it began: a level that is changed later moves no goal."""
    return [{"slug": each.slug, "goal_s": each.goal(level), "worth": each.worth} for each in PHASES]
