"""A review: begun with what the portal knows already, written by people, published once it says
enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.dateparse import parse_datetime

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from controlplane.work.models import Item
from incidents.models import Incident, IncidentReview
from incidents.models.reviews import WHYS
from incidents.records import moving
from incidents.records.holding import hold_with_work
from incidents.records.noting import PORTAL, note
from incidents.reviews import attending, evidence, settling, signing, telling, timeline
from incidents.reviews.holding import hold_review, require_writing

WRITE, PUBLISH = "incident.review", "incident.conclude"
OVER = ("resolved", "review_pending", "closed")
MOST_ATTENDEES = 40


@transaction.atomic
def plan_review(incident: Incident, *, actor: Actor, version: int | None = None) -> Incident:
    """It is looked back on before it is closed: its review is begun."""
    row = hold_with_work(incident, version=version)
    moved = moving.plan_review(row, actor=actor, version=version)
    _begin(moved, actor)
    return moved


@transaction.atomic
def begin_review(incident: Incident, *, actor: Actor) -> IncidentReview:
    """Once for each incident: asked again, what is there. Also of one that is closed, and of one
    of which nobody demands it."""
    policy.require(actor, WRITE, incident)
    row = hold_with_work(incident)
    if row.status not in OVER:
        raise InvalidTransition(
            f"{row.ref} is {row.get_status_display().lower()}: it is looked back on when it is"
            " over.",
            details={"status": row.status},
        )
    return _begin(row, actor)


def _begin(row: Incident, actor: Actor) -> IncidentReview:
    known: IncidentReview | None = IncidentReview.objects.filter(incident=row).first()
    if known is not None:
        return known
    made: IncidentReview = IncidentReview.objects.create(
        workspace=row.workspace,
        incident=row,
        item=_item(row),
        attendees=attending.expected(row),
        timeline=timeline.drafted(row),
        impact=row.summary[:16_000],
        created_by=actor.ref[:80],
    )
    note(row, WRITE, actor=actor, said=f"The review of {row.ref} is begun: {made.item.key}.",
         after={"review": str(made.uid), "item": made.item.key})  # fmt: skip
    return made


def _item(row: Incident) -> Item:
    """What is to be done stands below it, and it was found by the incident."""
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    item = work.create_item(
        project,
        actor=PORTAL,
        title=f"Review of {row.ref}: {row.title}"[:200],
        item_type="task",
        priority=2,
        labels=["review"],
        description=f"What happened, why, and what is done about it. {row.ref} stays as it was.",
        subject=f"{subject_ref(row)}.review",
    )
    if row.item is not None:
        work.add_dependency(item, row.item, actor=PORTAL, kind="discovered-from")
    return item


# --- Written ----------------------------------------------------------------------------------


def _prose(most: int = 16_000) -> Callable[[str, Any], str]:
    return lambda name, value: redact_text(text(name, value, most))[:most]


def _people(name: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise refuse(name, "A list of names.")
    if len(value) > MOST_ATTENDEES:
        raise refuse(name, f"At most {MOST_ATTENDEES}.")
    return list(dict.fromkeys(line(name, each, 160, required=True) for each in value))


def _whys(name: str, value: Any) -> list[dict[str, str]]:
    """In the order in which they were asked; empty ones are left out."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise refuse(name, "A list of questions with their answers.")
    found: list[dict[str, str]] = []
    for place, each in enumerate(value):
        if not isinstance(each, Mapping) or set(each) - {"why", "answer"}:
            raise refuse(name, "Each has why and answer, and nothing else.")
        pair = {
            part: redact_text(text(f"{name}[{place}].{part}", each.get(part, ""), 2_000))
            for part in ("why", "answer")
        }
        if pair["answer"] and not pair["why"]:
            pair["why"] = "Why did it happen?" if not found else "Why that?"
        if pair["why"]:
            found.append(pair)
    if len(found) > WHYS:
        raise refuse(name, f"At most {WHYS}.")
    return found


def _moment(name: str, value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    if isinstance(value, str):
        try:
            value = parse_datetime(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise refuse(name, "A time with its zone, as 2026-03-01T08:30:00Z.")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, "True or false.")
    return value


_READ: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(
        ("impact", "trigger", "factors", "gaps", "went_well", "to_improve", "lessons",
         "documents"), _prose(),
    ),
    "timeline": _prose(60_000),
    "no_actions": lambda name, value: redact_text(line(name, value, 500))[:500],
    "attendees": _people,
    "whys": _whys,
    "meeting_at": _moment,
    "is_public": _flag,
}  # fmt: skip
FIELDS = tuple(_READ)


@transaction.atomic
def change_review(
    review: IncidentReview,
    *,
    actor: Actor,
    version: int | None = None,
    root_cause: str | None = None,
    **given: Any,
) -> IncidentReview:
    """What people write. The root cause stands with the incident, where lists find it."""
    policy.require(actor, WRITE, review)
    row = hold_review(review, version=version)
    require_writing(row)
    unknown = sorted(set(given) - set(_READ))
    if unknown:
        raise refuse(unknown[0], "A review has no such field.")
    values = {name: _READ[name](name, value) for name, value in given.items()}
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if root_cause is not None:
        moving.explain(row.incident, root_cause=root_cause, actor=actor)
    if values:
        before = {name: plain(getattr(row, name)) for name in values}
        _write(row, values)
        note(row.incident, WRITE, actor=actor, before=before, details={"transition": "written"},
             after={name: plain(value) for name, value in values.items()})  # fmt: skip
    return row


def _write(row: IncidentReview, values: Mapping[str, Any]) -> None:
    IncidentReview.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    row.refresh_from_db(fields=[*values, "version"])


@transaction.atomic
def publish_review(
    review: IncidentReview, *, actor: Actor, version: int | None = None
) -> IncidentReview:
    """Others read it from now on. What it rests on is kept with it as it was: the tree of its
    work, and the figures of those hours. Its lessons are told to the channels, once."""
    row = hold_review(review, version=version, with_work=True)
    now = clock.now()
    first = row.first_published_at or now
    changes: dict[str, Any] = {
        "published_at": now, "published_by": actor.ref[:80], "first_published_at": first,
        "shared_at": row.shared_at or now, **evidence.kept(row, actor),
    }  # fmt: skip
    advance(row, "published", actor=actor, changes=changes)
    said = f"The review of {row.incident.ref} is published."
    note(row.incident, PUBLISH, actor=actor, said=said, after={"published_at": plain(now)})
    if first == now:
        telling.lessons(row)
    return row


@transaction.atomic
def write_on(
    review: IncidentReview, *, actor: Actor, reason: str, version: int | None = None
) -> IncidentReview:
    """What was published stands in the log; it is published anew when it says more."""
    row = hold_review(review, version=version, with_work=True)
    why = text("reason", reason, 500, required=True)
    changes = {"published_at": None, "published_by": ""}
    signing.take_back(row, actor, f"It is written on: {why}"[:500])
    advance(row, "writing", actor=actor, changes=changes, reason=why)
    settling.open_again(row, f"It is written on: {why}"[:500])
    note(row.incident, PUBLISH, actor=actor, reason=why, details={"transition": "writing"},
         said=f"The review of {row.incident.ref} is written on: {why}")  # fmt: skip
    return row
