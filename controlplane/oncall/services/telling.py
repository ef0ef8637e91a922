"""News of shifts: for who comes on duty, who goes off, and who can mend a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify import services as notify
from controlplane.oncall import numbers
from controlplane.oncall.arithmetic import Shift, Span
from controlplane.oncall.duty import Duty
from controlplane.oncall.lacking import Lacking
from controlplane.oncall.links import note_url, page_of, request_url, write_url
from controlplane.oncall.models import (
    Gap,
    HandoffNote,
    Layer,
    Override,
    Schedule,
    SwapRequest,
)
from controlplane.oncall.walls import zone_of

MENDS = "operations_command"
LISTED = 5


def when(at: datetime, zone: ZoneInfo) -> str:
    """On the schedule's wall, and what that is in UTC."""
    local = at.astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M} {local.tzname()} ({at:%H:%M} UTC)"


def came_on(duty: Duty) -> None:
    """Who comes on duty hears of it once for each shift."""
    _send(
        duty.schedule,
        "oncall.on",
        f"on:{duty.since.isoformat()}:{duty.person.pk}",
        people=[duty.person.pk],
        values={"until": when(duty.until, zone_of(duty.schedule.time_zone))},
    )


def went_off(schedule: Schedule, person: int, at: datetime, after: Duty | None) -> None:
    name = "nobody" if after is None else after.person.name or after.person.email
    _send(
        schedule, "oncall.off", f"off:{at.isoformat()}:{person}", people=[person],
        values={"next": name},
    )  # fmt: skip


def comes_next(duty: Duty) -> None:
    zone = zone_of(duty.schedule.time_zone)
    _send(
        duty.schedule,
        "oncall.next",
        f"next:{duty.since.isoformat()}:{duty.person.pk}",
        people=[duty.person.pk],
        values={"since": when(duty.since, zone), "until": when(duty.until, zone)},
    )


def placed(schedule: Schedule, layer: Layer, people: Sequence[User], actor: Actor) -> None:
    others = [user.pk for user in people if user.pk != actor.user_id]
    if not others:
        return
    _send(
        schedule, "oncall.rota", f"rota:{layer.uid}", people=others,
        values={"since": when(layer.from_at, zone_of(schedule.time_zone)), "who": actor.label},
    )  # fmt: skip


def swapped(made: Override, before: Iterable[int], actor: Actor) -> None:
    """Whom it puts on duty and whose shifts it takes, but for whoever did it."""
    zone = zone_of(made.schedule.time_zone)
    _send(
        made.schedule,
        "oncall.swap",
        f"swap:{made.uid}",
        people=sorted({made.person_id, *before} - {actor.user_id}),
        values={
            "person": made.person.name or made.person.email,
            "since": when(made.starts, zone),
            "until": when(made.ends, zone),
            "who": actor.label,
            "why": made.reason,
        },
    )


def taken_back(made: Override, actor: Actor) -> None:
    zone = zone_of(made.schedule.time_zone)
    _send(
        made.schedule,
        "oncall.swap_ended",
        f"swap-ended:{made.uid}",
        people={made.person_id, made.made_by_id} - {actor.user_id},
        values={
            "person": made.person.name or made.person.email,
            "since": when(made.starts, zone),
            "who": actor.label,
        },
    )


def changed(
    schedule: Schedule,
    key: str,
    person: int,
    gained: Sequence[Span],
    lost: Sequence[Span],
    actor: Actor,
    why: str,
) -> None:
    """What of the shifts is theirs now, and what no longer."""
    zone = zone_of(schedule.time_zone)
    lines = [*_spans("Yours now", gained, zone), *_spans("No longer yours", lost, zone)]
    _send(
        schedule, "oncall.changed", f"changed:{key}:{person}", people=[person],
        values={"lines": "\n".join(lines), "who": actor.label, "why": why},
    )  # fmt: skip


def _spans(said: str, spans: Sequence[Span], zone: ZoneInfo) -> Iterator[str]:
    for since, until in spans[:LISTED]:
        yield f"- {said}: {when(since, zone)} to {when(until, zone)}"
    if len(spans) > LISTED:
        yield f"- {said}: and {len(spans) - LISTED} more"


def asked(made: SwapRequest, whom: Sequence[int]) -> None:
    _send(
        made.schedule, "oncall.asked", f"asked:{made.uid}", people=whom,
        values=_of_request(made), link=request_url(made),
    )  # fmt: skip


def answered(made: SwapRequest, outcome: str) -> None:
    """Who asked hears what became of it. That somebody took it the swap itself tells."""
    _send(
        made.schedule, f"oncall.asked_{outcome}", f"asked-{outcome}:{made.uid}",
        people=[made.asker_id], values=_of_request(made), link=request_url(made),
        urgency="critical" if outcome == "expired" else "normal",
    )  # fmt: skip


def _of_request(made: SwapRequest) -> dict[str, object]:
    zone = zone_of(made.schedule.time_zone)
    whom = made.asked
    return {
        "who": made.asker.name or made.asker.email,
        "whom": "nobody" if whom is None else whom.name or whom.email,
        "since": when(made.starts, zone),
        "until": when(made.ends, zone),
        "why": made.reason,
        "answer": made.answer,
    }


def note_due(note: HandoffNote) -> None:
    _note(note, "oncall.note_due", [note.person_id], write_url(note.schedule))


def note_written(note: HandoffNote) -> None:
    """With its text: whoever came on duty may read it where they are."""
    _note(note, "oncall.note", [note.next_person_id], note_url(note))


def note_unread(note: HandoffNote) -> None:
    _note(note, "oncall.note_unread", [note.next_person_id], note_url(note))


def note_missed(note: HandoffNote) -> None:
    """Whoever came without one, and who answers for the rota."""
    people = [note.next_person_id, note.person_id]
    _note(note, "oncall.note_missed", people, note_url(note), roles=(MENDS,))


def _note(
    note: HandoffNote,
    kind: str,
    people: Iterable[int | None],
    link: str,
    roles: Sequence[str] = (),
) -> None:
    zone = zone_of(note.schedule.time_zone)
    items = "\n".join(f"- {one['of']}: {one['title']}" for one in note.open_items)
    _send(
        note.schedule,
        kind,
        f"{kind.partition('.')[2]}:{note.uid}",
        people=people,
        roles=roles,
        values={
            "who": note.person.name or note.person.email,
            "ended": when(note.handed_at or note.created_at, zone),
            "text": note.text,
            "open": f"\n\nOpen then:\n{items}" if items else "",
        },
        link=link,
    )


def gap_ahead(schedule: Schedule, found: Sequence[Gap]) -> None:
    """Who could fill it hears of it, and who can change the rota, while there is time: of several
    that were found at once in one message."""
    first, others = found[0], found[1:]
    zone = zone_of(schedule.time_zone)
    listed = "\n".join(f"- {when(one.since, zone)}, {lasts(one)}" for one in others[:LISTED])
    more = f"\n\nNor then:\n{listed}" if listed else ""
    if len(others) > LISTED:
        more += f"\n- and {len(others) - LISTED} more"
    _gap(schedule, "oncall.gap", first, "ahead", more, urgency="normal")


def gap_near(schedule: Schedule, gap: Gap, others: int, *, begun: bool) -> None:
    """Once when it comes near, and once when it has begun: of all things this must reach
    somebody."""
    more = f" {others} more within the next weeks." if others else ""
    kind = "oncall.nobody" if begun else "oncall.gap"
    _gap(schedule, kind, gap, "now" if begun else "soon", more, urgency="critical")


def _gap(schedule: Schedule, kind: str, gap: Gap, stage: str, more: str, *, urgency: str) -> None:
    zone = zone_of(schedule.time_zone)
    _send(
        schedule,
        kind,
        f"gap:{gap.pk}:{stage}",
        roles=sorted({*schedule.roles, MENDS}),
        values={"since": when(gap.since, zone), "lasts": lasts(gap), "more": more},
        urgency=urgency,
    )


def lacking(workspace: Workspace, found: Sequence[Lacking]) -> int:
    """The week's report; how many schedules it tells of."""
    if not found:
        return 0
    gaps = sum(len(one.gaps) for one in found)
    others = sum(len(one.lacks) for one in found)
    parts = [f"{gaps} gap{'s' * (gaps != 1)}"] * bool(gaps)
    parts += [f"{others} thing{'s' * (others != 1)} to mend"] * bool(others)
    monday = clock.now().date()
    notify.notify(
        workspace_id=workspace.pk,
        kind="oncall.weekly",
        to=notify.To(roles=(MENDS,)),
        key=f"oncall:weekly:{monday:%G-%V}",
        values={
            "workspace": workspace.name,
            "what": " and ".join(parts),
            "weeks": numbers.ROSTER_WEEKS.value,
            "lines": "\n".join(line for one in found for line in _lines(one)),
        },
        link=reverse("oncall:board"),
        about=subject_ref(workspace),
    )
    return len(found)


def _lines(one: Lacking) -> Iterator[str]:
    zone = zone_of(one.schedule.time_zone)
    title = one.schedule.title
    for gap in one.gaps[:LISTED]:
        yield f"- {title}: nobody from {when(gap.since, zone)}, {lasts(gap)}"
    if len(one.gaps) > LISTED:
        yield f"- {title}: and {len(one.gaps) - LISTED} more gaps"
    for lack in one.lacks:
        yield f"- {title}: {lack.text}"


def lasts(gap: Gap | Shift) -> str:
    """ "for 9 hours", "for 2 days"."""
    minutes = int((gap.until - gap.since).total_seconds() // 60)
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= 2 * size or minutes % size == 0:
            count = minutes // size
            about = "" if minutes % size == 0 else "about "
            return f"for {about}{count} {unit}{'s' * (count != 1)}"
    return f"for {minutes} minutes"


def _send(
    schedule: Schedule,
    kind: str,
    key: str,
    *,
    people: Iterable[int | None] = (),
    roles: Sequence[str] = (),
    values: Mapping[str, object],
    urgency: str = "normal",
    link: str = "",
) -> None:
    users = tuple(sorted(one for one in people if one is not None))
    if not users and not roles:
        return
    notify.notify(
        workspace_id=schedule.workspace_id,
        kind=kind,
        to=notify.To(users=users, roles=tuple(roles)),
        key=f"oncall:{schedule.uid}:{key}",
        values={"schedule": schedule.title, **values},
        urgency=urgency,
        link=link or page_of(schedule),
        about=subject_ref(schedule),
    )
