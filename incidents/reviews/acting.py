"""What is to be done after an incident: each of three kinds, with an owner and a day, and a work
item below the review's own."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Membership, User
from controlplane.base.states import plain
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from incidents.models import IncidentReview, ReviewAction
from incidents.records.noting import PORTAL, note
from incidents.reviews.holding import hold_review, require_writing
from incidents.reviews.writing import WRITE

MOST = 50
LATEST = timedelta(days=366)
DOCUMENTS_HOURS = defaults.define(
    "incidents.documents_hours",
    24,
    unit="hours",
    why="What was learned stands in the documentation within a day.",
)


@transaction.atomic
def add_action(
    review: IncidentReview,
    *,
    actor: Actor,
    kind: str,
    title: str,
    owner: User | None = None,
    due_on: date | None = None,
    runbook: str = "",
    version: int | None = None,
) -> ReviewAction:
    """The same again, word for word, is there already."""
    policy.require(actor, WRITE, review)
    row = hold_review(review, version=version, with_work=True)
    require_writing(row)
    values = _values(row, kind=kind, title=title, owner=owner, due_on=due_on, runbook=runbook)
    _near("due_on", values["due_on"])
    standing = row.actions.standing()
    same: ReviewAction | None = standing.filter(kind=kind, title=values["title"]).first()
    if same is not None:
        return same
    if standing.count() >= MOST:
        raise Conflict(f"A review has at most {MOST} actions.")
    made = ReviewAction(review=row, created_by=actor.ref[:80], **values)
    made.item = _item(row, made)
    made.save(force_insert=True)
    note(row.incident, WRITE, actor=actor, details={"transition": "action"},
         said=f"To be done ({made.get_kind_display().lower()}): {made.title}, {made.item.key}.",
         after={"action": made.title, "kind": made.kind, "item": made.item.key})  # fmt: skip
    return made


@transaction.atomic
def change_action(action: ReviewAction, *, actor: Actor, **given: Any) -> ReviewAction:
    """Its owner, its day, its words; its item follows."""
    policy.require(actor, WRITE, action.review)
    review = hold_review(action.review, with_work=True)
    row = _again(action)
    unknown = sorted(set(given) - {"kind", "title", "owner", "due_on", "runbook"})
    if unknown:
        raise refuse(unknown[0], "An action has no such field.")
    whole = {
        name: given.get(name, getattr(row, name))
        for name in ("kind", "title", "owner", "due_on", "runbook")
    }
    values = _values(review, **whole)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    _near("due_on", changed.get("due_on"))
    if not changed:
        return row
    same = review.actions.standing().filter(kind=values["kind"], title=values["title"])
    if same.exclude(pk=row.pk).exists():
        raise Conflict("There is such an action already.")
    before = {name: plain(getattr(row, name)) for name in changed}
    ReviewAction.objects.filter(pk=row.pk).update(**changed)
    row.refresh_from_db()
    work.update_item(
        row.item, actor=PORTAL, title=row.title, assignee=_name(row.owner),
        due_at=_end_of(row.due_on, review),
    )  # fmt: skip
    note(review.incident, WRITE, actor=actor, before=before, details={"transition": "action"},
         after={name: plain(value) for name, value in changed.items()})  # fmt: skip
    return row


@transaction.atomic
def drop_action(action: ReviewAction, *, actor: Actor, reason: str) -> ReviewAction:
    """It is not done after all: its item is closed with the reason."""
    policy.require(actor, WRITE, action.review)
    why = text("reason", reason, 500, required=True)
    review = hold_review(action.review, with_work=True)
    require_writing(review)
    row = _again(action)
    ReviewAction.objects.filter(pk=row.pk).update(dropped_at=clock.now())
    row.refresh_from_db()
    if not row.item.is_closed:
        said = f"Dropped by the review: {why}"
        row.item = work.close_item(row.item, actor=PORTAL, reason=said, force=True)
    note(review.incident, WRITE, actor=actor, reason=why, before={"action": row.title},
         details={"transition": "dropped"})  # fmt: skip
    return row


@transaction.atomic
def ask_documents(
    review: IncidentReview, *, actor: Actor, what: str, owner: User | None = None
) -> IncidentReview:
    """The documentation is to be changed: within a day, by an item of its own."""
    policy.require(actor, WRITE, review)
    row = hold_review(review, with_work=True)
    if row.documents_item is not None:
        return row
    title = redact_text(line("what", what, 150, required=True))
    _member(row, owner)
    item = work.create_item(
        row.item.project, actor=PORTAL, parent=row.item, inherit_labels=False,
        title=f"Write down what {row.incident.ref} taught: {title}"[:200], item_type="chore",
        priority=1, labels=["documentation"], assignee=_name(owner),
        due_at=clock.now() + timedelta(hours=DOCUMENTS_HOURS.value),
    )  # fmt: skip
    IncidentReview.objects.filter(pk=row.pk).update(documents_item=item)
    row.documents_item = item
    note(row.incident, WRITE, actor=actor, after={"documents": item.key},
         said=f"The documentation is to be changed: {item.key}.",
         details={"transition": "documents"})  # fmt: skip
    return row


def _again(action: ReviewAction) -> ReviewAction:
    rows = ReviewAction.objects.select_for_update(of=("self",), no_key=True)
    row: ReviewAction = rows.select_related("item__project", "owner").get(pk=action.pk)
    if row.dropped_at is not None:
        raise InvalidTransition("It was dropped.", details={"status": "dropped"})
    return row


def _values(row: IncidentReview, **given: Any) -> dict[str, Any]:
    kind = given["kind"]
    if kind not in ReviewAction.Kind.values:
        raise refuse("kind", f"One of {', '.join(ReviewAction.Kind.values)}.")
    _member(row, given["owner"])
    due = given["due_on"]
    if due is not None and (isinstance(due, datetime) or not isinstance(due, date)):
        raise refuse("due_on", "A day, as 2026-03-01.")
    return {
        "kind": kind,
        "title": redact_text(line("title", given["title"], 200, required=True))[:200],
        "owner": given["owner"],
        "due_on": due,
        "runbook": line("runbook", given["runbook"], 60),
    }


def _near(name: str, day: date | None) -> None:
    """A day before is today where they are, perhaps."""
    today = clock.now().date()
    if day is not None and not today - timedelta(days=1) <= day <= today + LATEST:
        raise refuse(name, f"From today on, at most {LATEST.days} days from now.")


def _member(row: IncidentReview, owner: User | None) -> None:
    if owner is None:
        return
    here = Membership.objects.filter(workspace=row.workspace_id, user=owner)
    if not here.exists():
        raise refuse("owner", "Nobody of that name is here.")


def _item(row: IncidentReview, made: ReviewAction) -> Any:
    item = work.create_item(
        row.item.project, actor=PORTAL, parent=row.item, inherit_labels=False, title=made.title,
        item_type="task", priority=2, labels=["incident-action", made.kind],
        assignee=_name(made.owner), due_at=_end_of(made.due_on, row),
        description=f"Decided in the review of {row.incident.ref} {row.incident.title}.",
    )  # fmt: skip
    if row.incident.item is not None:
        work.add_dependency(item, row.incident.item, actor=PORTAL, kind="discovered-from")
    return item


def _name(owner: User | None) -> str:
    return str(owner.email) if owner is not None else ""


def _end_of(day: date | None, row: IncidentReview) -> datetime | None:
    """The end of that day where the workspace is."""
    if day is None:
        return None
    zone = ZoneInfo(row.workspace.time_zone or "UTC")
    return datetime.combine(day, time(23, 59), zone)
