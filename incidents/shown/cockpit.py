"""The page of an incident: how it stands, what comes next, who was called, what fires, and what
changed shortly before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work.models import Comment
from incidents import links
from incidents.gamedays import shown as gamedays
from incidents.models import Alert, Incident, IncidentReview, SeverityLevel, Ticket
from incidents.records import levels
from incidents.records.noting import PORTAL
from incidents.response import shown as response
from incidents.response import timeline
from incidents.reviews import writing
from incidents.runbooks import shown as runbooks
from incidents.shown import clocks, moves

ROAD = (
    "detected", "triaged", "mitigating", "mitigated", "monitoring", "resolved", "closed",
)  # fmt: skip
ALERTS = 8
ALERT_PAGE = 50
CALLS = 12
RUNS = 6
SAID = 15  # all of it has a page of its own
_REACHED = {
    "triaged": "triaged_at", "mitigating": "mitigation_started_at", "mitigated": "mitigated_at",
    "monitoring": "restored_at", "resolved": "resolved_at", "closed": "closed_at",
    "detected": "detected_at",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One state of its way. `mark`: done, here or ahead; or what became of it instead."""

    label: str
    mark: str
    at: datetime | None = None
    note: str = ""


def road(row: Incident) -> list[Place]:
    """Where it is, and where it left the way."""
    status = "resolved" if row.status == "review_pending" else row.status
    left = status in {"merged", "cancelled"}
    here = ROAD.index(status) if not left else _farthest(row)
    found = []
    for place, name in enumerate(ROAD):
        at = getattr(row, _REACHED[name]) if place <= here else None
        mark = "done" if place < here or row.status == "closed" else "ahead"
        note = ""
        if place == here and row.status != "closed":
            mark = row.status if left else "here"
            note = str(row.get_status_display()) if left or row.status == "review_pending" else ""
        label = str(Incident.Status(name).label)
        found.append(Place(label, mark, row.closed_at if left and place == here else at, note))
    return found


def _farthest(row: Incident) -> int:
    """Of one that ended elsewhere its times tell how far it came."""
    return max(
        place
        for place, name in enumerate(ROAD[:5])
        if name == "detected" or getattr(row, _REACHED[name]) is not None
    )


class Cockpit:
    """What head and page rest on, read once for both."""

    def __init__(self, row: Incident, actor: Actor) -> None:
        self.row, self.actor = row, actor

    @cached_property
    def level(self) -> SeverityLevel | None:
        return levels.of(self.row.workspace_id).get(self.row.severity)

    @cached_property
    def following(self) -> moves.Following:
        return moves.following(self.row, self.actor)

    @cached_property
    def clocks(self) -> list[clocks.Clock]:
        return clocks.of(self.row, self.level) if self.level is not None else []


def panel(cockpit: Cockpit) -> dict[str, Any]:
    row, actor = cockpit.row, cockpit.actor
    following = cockpit.following
    return {
        "row": row,
        "level": cockpit.level,
        "road": road(row),
        "following": following,
        "following_url": moves.url(row, following.move.slug) if following.move else "",
        "following_label": moves.label(row, following.move) if following.move else "",
        "clocks": cockpit.clocks,
        "duplicates": kept.of(row, "duplicates", lambda rows: rows.order_by("pk")[:ALERTS]),
        "acts": response.acts_of(row, actor),
        "team": response.team_of(row, actor),
        "updates": response.updates_of(row, cockpit.level, actor),
        "help": runbooks.suggested(row, actor),
        "game_day": gamedays.of_incident(row),
        **_alerts(row, actor),
        **called(row, actor),
        "hush_url": moves.hush_url(row, actor),
        **_reviewed(row, actor),
    }


def _reviewed(row: Incident, actor: Actor) -> dict[str, Any]:
    """Of what is over: its review, or that one may begin it."""
    if row.status not in writing.OVER:
        return {"review": None, "may_review": False}
    found = kept.ask(
        lambda incident: (
            IncidentReview.objects.filter(incident=incident)
            .defer("search", "timeline", "tree")
            .order_by("pk")[:1]
        ),
        row.pk,
    )
    return {
        "review": found[0] if found else None,
        "may_review": bool(policy.can(actor, writing.WRITE, row)),
    }


def _alerts(row: Incident, actor: Actor) -> dict[str, Any]:
    """The newest that fire; where none does, the newest."""
    if not policy.can(actor, "alert.view", row):
        return {"alerts": None}
    found = kept.of(row, "alerts", _newest_firing) if row.firing_count else []
    return {
        "alerts": found or kept.of(row, "alerts", _newest),
        "alerts_url": reverse("burning:alerts", args=(row.uid,)),
    }


def _newest(rows: Any) -> Any:
    return rows.select_related("source").order_by("-pk")[:ALERTS]


def _newest_firing(rows: Any) -> Any:
    return _newest(rows.filter(status="firing"))


def alerts_page(row: Incident, before: int | None, *, firing: bool) -> tuple[list[Alert], int]:
    """At most `ALERT_PAGE`, and the key after which the next page begins; 0 at the end."""
    rows: QuerySet[Alert] = row.alerts.select_related("source").order_by("-pk")
    if firing:
        rows = rows.filter(status="firing")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: ALERT_PAGE + 1])
    more = len(found) > ALERT_PAGE
    return found[:ALERT_PAGE], found[ALERT_PAGE - 1].pk if more else 0


def called(row: Incident | Ticket, actor: Actor) -> dict[str, Any]:
    if not policy.can(actor, "paging.view", row):
        return {"runs": None}
    runs = kept.of(
        row,
        "escalations",
        lambda rows: rows.select_related("policy__policy").order_by("-pk")[:RUNS],
    )
    pages = kept.of(
        row,
        "pages",
        lambda rows: rows.select_related("user", "channel", "contact").order_by("-pk")[: CALLS + 1],
    )
    return {
        "runs": runs,
        "pages": [Call.of(page) for page in pages[:CALLS]],
        "more_pages": len(pages) > CALLS,
        "nobody": any(run.status == "unanswered" for run in runs)
        and row.acknowledged_at is None,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it is told."""

    who: Any
    name: str
    at: datetime
    status: str
    words: str
    why: str
    answered_at: datetime | None

    @classmethod
    def of(cls, page: Any) -> Call:
        return cls(
            page.user,
            "" if page.user is not None else page.whom or _target(page.target),
            page.created_at,
            page.status,
            str(page.get_status_display()),
            page.why,
            page.answered_at,
        )


def _target(target: str) -> str:
    """Nobody stood behind it."""
    return target.removeprefix("nobody:").replace("_", " ").replace(":", " ")


# --- What was said --------------------------------------------------------------------------------


def _said(actor: Actor, item: int, most: range) -> QuerySet[Comment]:
    rows: Any = Comment.objects.visible_to(actor).filter(item_id=item)
    return rows.order_by("-created_at", "-id")[: len(most)]  # type: ignore[no-any-return]


def talk(actor: Actor, row: Incident, most: int) -> Sequence[dict[str, Any]]:
    """What people said on its item, and what the portal noted that stands nowhere else: the steps
    themselves are in the log."""
    if row.item_id is None:
        return []
    most = min(most, SAID)
    better = timeline.said_better(row)
    found = []
    rows = list(kept.seen(actor, _said, row.item_id, range(most * 2)))
    people = _people({one.author for one in rows if one.actor_ref == PORTAL.ref})
    for one in rows:
        own = one.actor_ref == PORTAL.ref
        told = one.text.startswith("**")  # updates and decisions, in whole
        if (
            own
            and not told
            and (one.author != PORTAL.label or one.text.startswith((row.ref, "Changed")))
        ):
            continue
        found.append(
            {"at": one.created_at, "who": people.get(one.author, one.author) if own else _who(one),
             "body": better.get(one.pk, [one.text])[-1],
             "source": one.source, "icon": "mail"}
        )  # fmt: skip
    return found[:most]


def _people(authors: set[str]) -> dict[str, str]:
    """Those for whom the portal wrote it down, as the timeline names people."""
    mails = sorted(author for author in authors if "@" in author)
    if not mails:
        return {}
    rows = User.objects.filter(email__in=mails).values_list("pk", "email")
    return {mail: f"user:{pk} {mail}" for pk, mail in rows}


def _who(one: Any) -> str:
    ref = one.actor_ref
    return f"{ref} {one.author}" if ref and "@" in one.author else str(one.author)


def glance(row: Incident) -> str:
    """In a list: what it waits for, from its own columns."""
    if row.status in moves.BURNING and row.acknowledged_at is None:
        return "Nobody has acknowledged it"
    told = {
        "detected": "To be triaged",
        "triaged": "To be mitigated",
        "mitigating": "Being worked on",
        "mitigated": "To be watched",
        "monitoring": "Watched",
        "resolved": "To be closed",
        "review_pending": "To be reviewed",
    }
    return told.get(row.status, "")


def page_of(row: Incident) -> str:
    return links.page_of(row)
