"""Feedback: asked for, given or declined by each person once, reminded of once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links, numbers_learning, stages
from missions.models import Feedback, Mission
from missions.services import reading
from missions.services.checkpoints import go_on_if_signed
from missions.services.holding import hold
from missions.services.moving import entering
from missions.services.noting import PORTAL, note, tell

REMIND = "mission.feedback_reminder"
_MOST_MINUTES = 600_000

wording.register(
    "mission.feedback",
    "Feedback on a mission is asked for",
    subject="{ref}: how did it go? {title}",
    body="{why}",
)


def may_answer(mission: Mission, now: datetime | None = None) -> str:
    """Why nobody can say how it went, now; empty when they can."""
    status = mission.status
    if status == Mission.Status.DRAFT:
        return "It has not begun."
    if mission.is_under_way:
        return "" if mission.stage == stages.LAST else "It is still being worked on."
    if mission.started_at is None:
        return "It was never begun."
    assert mission.closed_at is not None
    days = numbers_learning.ANSWER_WITHIN_D.value
    if (now or clock.now()) - mission.closed_at > timedelta(days=days):
        return f"It ended more than {days} days ago."
    return ""


def _require_open(mission: Mission) -> None:
    refusal = may_answer(mission)
    if refusal:
        raise InvalidTransition(
            f"{mission.ref}: {refusal}", details={"status": mission.status, "stage": mission.stage}
        )


# --- Asking -------------------------------------------------------------------------------------


@transaction.atomic
def ask_feedback(mission: Mission, people: Iterable[User], *, actor: Actor) -> list[Feedback]:
    """Ask these people. Whoever was asked, or has answered, is not asked again."""
    policy.require(actor, "mission.ask_feedback", mission)
    wanted = {reading.owner(mission.workspace_id, each).pk: each for each in people}
    most = numbers_learning.MOST_ASKED.value
    if not wanted:
        raise reading.refuse("people", "Name who is asked.")
    row = hold(mission)
    _require_open(row)
    known = set(row.feedback.values_list("person_id", flat=True))
    if len(known | set(wanted)) > most:
        raise reading.refuse("people", f"At most {most} of one mission.")
    asked = [_ask(row, wanted[pk], actor) for pk in sorted(set(wanted) - known)]
    if asked:
        words = f"{len(asked)} {'person is' if len(asked) == 1 else 'people are'} asked"
        note(
            row,
            "mission.ask_feedback",
            actor=actor,
            said=f"{words} how {row.ref} went.",
            after={"asked": len(asked)},
        )
    return asked


def _ask(mission: Mission, person: User, actor: Actor) -> Feedback:
    asked = Feedback.objects.create(mission=mission, person=person, asked_by=actor.ref[:80])
    due = asked.asked_at + timedelta(hours=numbers_learning.REMIND_AFTER_H.value)
    timers.set_timer(
        REMIND,
        key=f"mission-feedback:{asked.uid}",
        due_at=due,
        subject=subject_ref(mission),
        workspace_id=mission.workspace_id,
        payload={"feedback": str(asked.uid)},
    )
    if actor.user_id != person.pk:
        _send(mission, person, f"asked:{asked.uid}", "Say in a minute what came of it.")
    return asked


def _send(mission: Mission, person: User, key: str, why: str) -> None:
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.feedback",
        to=To(users=[person.pk], channels=()),
        key=f"mission-feedback:{key}",
        values={"ref": mission.ref, "title": mission.title, "why": why},
        link=links.feedback_of(mission),
        about=subject_ref(mission),
    )


@entering(stages.LAST)
def ask_those_behind(mission: Mission, actor: Actor) -> None:
    """With Reflect & Improve whoever owns the mission, and whoever wanted it, are asked."""
    made = mission.created_by.removeprefix("user:")
    behind = {mission.owner_id, int(made) if made.isdigit() else mission.owner_id}
    known = set(mission.feedback.values_list("person_id", flat=True))
    for person in User.objects.filter(pk__in=behind - known, is_active=True).order_by("pk"):
        _ask(mission, person, PORTAL)


@timers.on(REMIND)
def remind(timer: Timer) -> None:
    """Once, while it is not answered and there is still something to say."""
    rows = Feedback.objects.select_for_update(of=("self",), no_key=True)
    asked = rows.select_related("mission", "person").filter(uid=timer.payload["feedback"]).first()
    if asked is None or asked.status != Feedback.Status.ASKED or asked.reminded_at is not None:
        return
    if may_answer(asked.mission) or not asked.person.is_active:
        return
    Feedback.objects.filter(pk=asked.pk).update(reminded_at=clock.now())
    record(
        PORTAL,
        "mission.ask_feedback",
        asked.mission,
        after={"person": f"user:{asked.person_id}"},
        details={"transition": "asked -> reminded"},
    )
    _send(asked.mission, asked.person, f"again:{asked.uid}", "You were asked two days ago.")


# --- Answering ----------------------------------------------------------------------------------


@transaction.atomic
def give_feedback(
    mission: Mission,
    *,
    actor: Actor,
    rating: Any,
    satisfaction: Any = None,
    effort_saved_minutes: Any = None,
    blockers: str = "",
    text: str = "",
    version: int | None = None,
) -> Feedback:
    """What this person says, asked or not. Said again, it takes the place of what they said."""
    policy.require(actor, "mission.feedback", mission)
    values: dict[str, Any] = {
        "rating": _stars("rating", rating),
        "satisfaction": None if satisfaction is None else _stars("satisfaction", satisfaction),
        "effort_saved_minutes": _minutes(effort_saved_minutes),
        "blockers": reading.kept("blockers", blockers, 4_000),
        "text": reading.kept("text", text, 8_000),
        "declined_reason": "",
    }
    row, answer = _answered(mission, actor, version)
    if answer.status == Feedback.Status.GIVEN:
        if all(getattr(answer, name) == value for name, value in values.items()):
            return answer
        _change(answer, values)
        done = "changed"
    else:
        values["answered_at"] = clock.now()
        advance(answer, "given", actor=actor, changes=values)
        done = "given"
    _told(row, answer, actor, done)
    go_on_if_signed(row)
    return answer


@transaction.atomic
def decline_feedback(
    mission: Mission, *, actor: Actor, reason: str, version: int | None = None
) -> Feedback:
    """Say nothing, and why."""
    policy.require(actor, "mission.feedback", mission)
    why = reading.reason(reason)
    row, answer = _answered(mission, actor, version)
    if answer.status == Feedback.Status.DECLINED:
        return answer
    changes = {"declined_reason": why, "answered_at": clock.now()}
    advance(answer, "declined", actor=actor, reason=why, changes=changes)
    timers.cancel_timer(f"mission-feedback:{answer.uid}")
    note(
        row,
        "mission.feedback",
        actor=actor,
        after={"answer": "declined"},
        reason=why,
        details={"transition": "asked -> declined"},
    )
    go_on_if_signed(row)
    return answer


def _answered(mission: Mission, actor: Actor, version: int | None) -> tuple[Mission, Feedback]:
    """The mission, held, and this person's row, made if nobody asked them."""
    if actor.kind != "person" or actor.user_id is None:
        raise NotAllowed(
            "People say how a mission went, each for themselves.",
            denial={"actor": actor, "action": "mission.feedback", "subject": mission,
                    "rule": "person", "reason": "only people give feedback"},
        )  # fmt: skip
    row = hold(mission)
    _require_open(row)
    rows = Feedback.objects.select_for_update(of=("self",), no_key=True)
    found: Feedback | None = rows.filter(mission=row, person_id=actor.user_id).first()
    if found is None:
        found = Feedback.objects.create(
            mission=row, person_id=actor.user_id, asked_by=actor.ref[:80]
        )
    # Of none that was there (0) it is the first word, whoever asked meanwhile.
    elif version == 0 and found.status == Feedback.Status.ASKED:
        pass
    elif version is not None and found.version != version:
        raise Conflict(
            "You said something else since this page was made. Look again.",
            details={"seen_version": version, "version": found.version},
        )
    found.mission = row
    return row, found


def _change(answer: Feedback, values: dict[str, Any]) -> None:
    new = {**values, "answered_at": clock.now()}
    Feedback.objects.filter(pk=answer.pk).update(**new, version=F("version") + 1)
    for name, value in new.items():
        setattr(answer, name, value)
    answer.version += 1


def _told(mission: Mission, answer: Feedback, actor: Actor, done: str) -> None:
    timers.cancel_timer(f"mission-feedback:{answer.uid}")
    note(
        mission,
        "mission.feedback",
        actor=actor,
        said=f"{mission.ref} is rated {answer.rating} of 5.",
        after={"rating": answer.rating, "effort_saved_minutes": answer.effort_saved_minutes},
        details={"transition": f"-> {done}"},
    )
    said = {
        "rating": answer.rating,
        "effort_saved_hours": answer.effort_saved_hours or 0,
        "blockers": answer.blockers[:500],
        "qualitative_notes": answer.text[:500],
    }
    tell(mission, "feedback_submitted", said, actor=actor, stage=stages.LAST)


def _stars(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise reading.refuse(field, "1 to 5.")
    return value


def _minutes(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_MINUTES:
        raise reading.refuse("effort_saved_minutes", f"Minutes, 0 to {_MOST_MINUTES:,}.")
    return value
