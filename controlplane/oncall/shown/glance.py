"""How the schedules stand, for the home page: the same for every reader of a workspace, and
remembered for some seconds, because every home page asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import User
from controlplane.base import cache
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.oncall import duty, lacking, numbers, plans
from controlplane.oncall.duty import Duty, Standing
from controlplane.oncall.lacking import Lacking
from controlplane.oncall.links import note_url, page_of, request_url, write_url
from controlplane.oncall.models import HandoffNote, Schedule, SwapRequest
from controlplane.oncall.services.overrides import serving_many

GLANCE_S = defaults.define(
    "oncall.glance_s", 20, unit="seconds", why="How late a home page may say who is on duty."
)
MOST = 50


@dataclass(frozen=True, slots=True)
class Turn:
    person: int
    name: str
    since: str
    until: str

    @property
    def begins(self) -> datetime:
        return datetime.fromisoformat(self.since)

    @property
    def ends(self) -> datetime:
        return datetime.fromisoformat(self.until)


@dataclass(frozen=True, slots=True)
class Glance:
    title: str
    url: str
    gap: bool
    now: Turn | None
    next: Turn | None
    ahead: str = ""  # when the next gap begins
    mend: str = ""


def glances(actor: Actor, workspace_id: int | None) -> Sequence[Glance]:
    spaces = actor.workspace_ids if workspace_id is None else {workspace_id} & actor.workspace_ids
    if not spaces:
        return ()
    key = f"oncall:{','.join(map(str, sorted(spaces)))}"
    rows = cache.cached(key, GLANCE_S.value, lambda: _asked(sorted(spaces)))
    return [_read(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Pending:
    """Something that waits for some people: a note to read or write, a shift they are asked to
    take. The same for every reader, so that no home page asks for itself."""

    people: tuple[int, ...]
    title: str
    url: str
    text: str
    state: str
    late: bool
    when: str

    @property
    def at(self) -> datetime | None:
        return datetime.fromisoformat(self.when) if self.when else None


def pending(actor: Actor, workspace_id: int | None) -> Sequence[Pending]:
    spaces = actor.workspace_ids if workspace_id is None else {workspace_id} & actor.workspace_ids
    if not spaces:
        return ()
    key = f"oncall:pending:{','.join(map(str, sorted(spaces)))}"
    rows = cache.cached(key, GLANCE_S.value, lambda: _waits(sorted(spaces)))
    return [Pending(**{**row, "people": tuple(row["people"])}) for row in rows]


def _waits(spaces: Sequence[int]) -> list[dict[str, Any]]:
    return [asdict(one) for one in (*_notes(spaces), *_requests(spaces))]


def _notes(spaces: Sequence[int]) -> Iterator[Pending]:
    rows = HandoffNote.objects.filter(
        workspace__in=spaces, status__in=["written", "due", "missed"]
    ).select_related("schedule", "person")
    for note in rows.order_by("-handed_at")[:MOST]:
        if note.status != "written":
            yield Pending(
                (note.person_id,), note.schedule.title, write_url(note.schedule),
                "Your hand-off note is missing.", note.status, True, _said(note.due_at),
            )  # fmt: skip
        elif note.next_person_id is not None:
            yield Pending(
                (note.next_person_id,), note.schedule.title, note_url(note),
                f"{named(note.person)} left a hand-off note.", "to read", False,
                _said(note.handed_at),
            )  # fmt: skip


def _requests(spaces: Sequence[int]) -> Iterator[Pending]:
    rows = SwapRequest.objects.open().filter(workspace__in=spaces)
    found = list(rows.select_related("schedule", "asker").order_by("starts")[:MOST])
    among = serving_many([one.schedule for one in found if one.asked_id is None])
    for one in found:
        whom = {one.asked_id} if one.asked_id is not None else among[one.schedule_id]
        people = tuple(sorted(pk for pk in whom if pk is not None and pk != one.asker_id))
        yield Pending(
            people, one.schedule.title, request_url(one),
            f"{named(one.asker)} asks for somebody to take a shift.", "asked", False,
            _said(one.starts),
        )  # fmt: skip


def _said(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _asked(spaces: Sequence[int]) -> list[dict[str, Any]]:
    rows = Schedule.objects.active().filter(workspace__in=spaces).order_by("title", "id")
    schedules, at = list(rows[:MOST]), clock.now()
    far = duty.window()
    month = at + timedelta(weeks=numbers.ROSTER_WEEKS.value)
    known = plans.plans_of(schedules, at - far, month + far) if schedules else {}
    found = duty.standings(schedules, at, known), lacking.of(schedules, at, known)
    pairs = zip(*found, strict=True)
    return [asdict(_glance(one, lacks)) for one, lacks in pairs]


def _glance(one: Standing, lacks: Lacking) -> Glance:
    return Glance(
        one.schedule.title,
        page_of(one.schedule),
        one.gap,
        _turn(one.duty),
        _turn(one.next),
        next((gap.since.isoformat() for gap in lacks.gaps), ""),
        next((lack.text for lack in lacks.lacks), ""),
    )


def _turn(one: Duty | None) -> Turn | None:
    if one is None:
        return None
    return Turn(one.person.pk, named(one.person), one.since.isoformat(), one.until.isoformat())


def named(user: User) -> str:
    return user.name or user.email


def _read(row: dict[str, Any]) -> Glance:
    now, later = (Turn(**row[name]) if row[name] else None for name in ("now", "next"))
    return Glance(
        row["title"], row["url"], row["gap"], now, later, row.get("ahead", ""), row.get("mend", "")
    )
