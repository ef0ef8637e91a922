"""Hours of the support desk: channels with their week, days that differ, and what is due when.

What reads them asks for a channel once (`channel`) and then counts without the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact_text
from controlplane.oncall.walls import zone_of
from incidents import shipping
from incidents.models import Holiday, SupportChannel
from incidents.support import coverage
from incidents.support.coverage import Coverage

KEEP = "support.hours"
KEY = ("slug",)
FIELDS = ("title", "about", "address", "time_zone", "hours", "rests", "position")
_CHANGED = "Somebody changed it since you looked. Look again."
_TAKEN = "There is a channel of this name already."
MOST_CHANNELS = defaults.define(
    "support.channels_most", 20, unit="channels", why="More ways in than people can watch."
)
MOST_HOLIDAYS = defaults.define(
    "support.holidays_most", 600, unit="days", why="Those of several countries, ten years ahead."
)
_ROUND_THE_CLOCK = ["daily 00:00-24:00"]


def _channel(
    slug: str, position: int, title: str, about: str, hours: list[str], rests: bool
) -> Any:
    return {
        "slug": slug, "title": title, "about": about, "address": "", "time_zone": "UTC",
        "hours": coverage.write_week(coverage.read_week("hours", hours)), "rests": rests,
        "position": position,
    }  # fmt: skip


SHIPPED: list[dict[str, Any]] = [
    _channel("operator", 10, "Operator channel",
             "Operators among themselves: deployments, handovers, who is on duty.",
             ["mon-fri 00:00-24:00"], True),
    _channel("support", 20, "Support channel",
             "Where people ask. Triage within half an hour.", ["mon-fri 06:00-22:00"], True),
    _channel("mailbox", 30, "Mailbox",
             "Formal requests by mail; each becomes a ticket.", _ROUND_THE_CLOCK, False),
    _channel("pager", 40, "Pager", "Calls whoever is on call, for P0 and P1.",
             _ROUND_THE_CLOCK, False),
]  # fmt: skip


def adopt() -> int:
    return shipping.adopt(SupportChannel, KEY, SHIPPED)


# --- What is due --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a workspace with everything that counting needs."""

    row: SupportChannel
    coverage: Coverage

    @property
    def slug(self) -> str:
        return self.row.slug


def due(channel: Channel, start: datetime, seconds: float) -> datetime:
    """The first moment by which so many covered seconds have passed since then."""
    return coverage.due(channel.coverage, start, seconds)


def covered_between(channel: Channel, since: datetime, until: datetime) -> float:
    """How many seconds between the two somebody was there."""
    return coverage.covered_between(channel.coverage, since, until)


def is_open(channel: Channel, at: datetime) -> bool:
    return coverage.is_open(channel.coverage, at)


def channel(workspace_id: int, slug: str) -> Channel:
    found = channels(workspace_id).get(slug)
    if found is None:
        raise NotFound("There is no such channel.")
    return found


def channels(workspace_id: int) -> dict[str, Channel]:
    """Those that hold in a workspace, in their order."""
    days = Holiday.objects.filter(workspace=workspace_id)
    return {row.slug: built(row, days) for row in rows_of(workspace_id)}


def rows_of(workspace_id: int) -> list[SupportChannel]:
    found = list(SupportChannel.objects.in_force(workspace_id))
    # A workspace may have channels of its own before the shipped ones ever came.
    if not {each["slug"] for each in SHIPPED} <= {row.slug for row in found} and adopt():
        found = list(SupportChannel.objects.in_force(workspace_id))
    return found


def built(row: SupportChannel, holidays: Iterable[Holiday]) -> Channel:
    days = {each.day: coverage.read_spans("hours", each.hours) for each in holidays}
    week = coverage.read_week("hours", row.hours)
    known = Coverage(zone_of(row.time_zone), week)
    return Channel(row, replace(known, days=days) if row.rests else known)


# --- Channels, kept by people -------------------------------------------------------------------


@transaction.atomic
def save_channel(
    workspace: Workspace, slug: str, *, actor: Actor, version: int | None = None, **given: Any
) -> SupportChannel:
    """Say anew when a channel is open, or make one: of a shipped one the workspace gets its own.
    What is due already keeps its time."""
    policy.require(actor, KEEP, workspace)
    shown = {row.slug: row for row in rows_of(workspace.pk)}
    known = shown.get(slug)
    if known is None and len(shown) >= MOST_CHANNELS.value:
        raise Conflict(f"At most {MOST_CHANNELS.value} channels.")
    row = _own(workspace, slug, known)
    if version is not None and known is not None and version != row.version:
        raise Conflict(_CHANGED)
    # As it is now that it is held; of what was shipped, with the version that was shown.
    before = None if known is None else shipping.content(row, FIELDS)
    for name, value in given.items():
        setattr(row, name, _read(name, value))
    _whole(row)
    if known is not None and shipping.content(row, FIELDS) == before:
        return known if known.workspace_id is None else row
    if known is not None:
        row.version += 1
    save_checked(row, conflict=_TAKEN)
    record(actor, KEEP, row, before=before, after=_told(row))
    return row


def _own(workspace: Workspace, slug: str, known: SupportChannel | None) -> SupportChannel:
    if known is None:
        return SupportChannel(workspace=workspace, slug=line("slug", slug, 40, required=True))
    if known.workspace_id is not None:
        rows = SupportChannel.objects.select_for_update(of=("self",)).filter(pk=known.pk)
        held: SupportChannel | None = rows.first()
        if held is None:
            raise Conflict(_CHANGED)
        return held
    return SupportChannel(
        workspace=workspace, slug=slug, version=known.version, **shipping.content(known, FIELDS)
    )


@transaction.atomic
def drop_channel(workspace: Workspace, slug: str, *, actor: Actor, reason: str) -> None:
    """The workspace's own goes; where one of this name is shipped, that holds again."""
    policy.require(actor, KEEP, workspace)
    rows = SupportChannel.objects.select_for_update(of=("self",))
    row = rows.filter(workspace=workspace, slug=slug).first()
    if row is None:
        raise Conflict("It is as it was shipped.")
    record(actor, KEEP, row, before=_told(row),
           reason=line("reason", reason, 300, required=True))  # fmt: skip
    row.delete()


def _told(row: Any) -> dict[str, Any]:
    return {name: plain(value) for name, value in shipping.content(row, FIELDS).items()}


def _read(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise refuse(name, "There is no such field.")
    if name == "hours":
        return _lines(value)
    if name == "rests":
        if not isinstance(value, bool):
            raise refuse(name, "True or false.")
        return value
    if name == "position":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
            raise refuse(name, "A whole number up to 10,000.")
        return value
    most = {"title": 80, "about": 300, "address": 200, "time_zone": 64}[name]
    text = line(name, value, most, required=name in {"title", "time_zone"})
    return redact_text(text)[:most] if name in {"title", "about"} else text


def _lines(value: Any) -> list[str]:
    given = value.splitlines() if isinstance(value, str) else value
    if not isinstance(given, Sequence) or len(given) > coverage.MOST_LINES:
        raise refuse("hours", f"At most {coverage.MOST_LINES} lines.")
    found = [line("hours", each, 120) for each in given]
    return coverage.write_week(coverage.read_week("hours", [each for each in found if each]))


def _whole(row: SupportChannel) -> None:
    if not row.title:
        raise refuse("title", "Missing.")
    if not row.hours:
        raise refuse("hours", "Some hours: else nothing would ever be due.")


# --- Days that differ ---------------------------------------------------------------------------


@transaction.atomic
def add_holiday(
    workspace: Workspace, day: date, *, actor: Actor, title: str, hours: str = ""
) -> Holiday:
    policy.require(actor, KEEP, workspace)
    room_for(workspace, 1)
    row = Holiday(workspace=workspace, day=day, made_by=actor.ref[:80], **_day(title, hours))
    save_checked(row, conflict="This day is there already.")
    record(actor, KEEP, row, after=_shown(row), details={"what": "holiday"})
    return row


@transaction.atomic
def change_holiday(
    holiday: Holiday, *, actor: Actor, version: int | None = None, **given: Any
) -> Holiday:
    policy.require(actor, KEEP, holiday)
    row: Holiday = Holiday.objects.select_for_update(no_key=True).get(pk=holiday.pk)
    if version is not None and version != row.version:
        raise Conflict(_CHANGED)
    before = _shown(row)
    values = _day(given.pop("title", row.title), given.pop("hours", row.hours))
    values["day"] = given.pop("day", row.day)
    if given:
        raise refuse(sorted(given)[0], "There is no such field.")
    for name, value in values.items():
        setattr(row, name, value)
    if _shown(row) == before:
        return row
    row.version += 1
    save_checked(row, conflict="This day is there already.")
    record(actor, KEEP, row, before=before, after=_shown(row), details={"what": "holiday"})
    return row


@transaction.atomic
def remove_holiday(holiday: Holiday, *, actor: Actor) -> None:
    policy.require(actor, KEEP, holiday)
    row = Holiday.objects.select_for_update().filter(pk=holiday.pk).first()
    if row is None:
        return
    record(actor, KEEP, row, before=_shown(row), details={"what": "holiday"})
    row.delete()


def room_for(workspace: Workspace, more: int) -> None:
    if Holiday.objects.filter(workspace=workspace).count() + more > MOST_HOLIDAYS.value:
        raise Conflict(f"At most {MOST_HOLIDAYS.value} days. Remove those that are long over.")


def _day(title: str, hours: str) -> dict[str, Any]:
    spans = coverage.read_spans("hours", line("hours", hours, 120))
    return {
        "title": redact_text(line("title", title, 120, required=True))[:120],
        "hours": coverage.write_spans(spans),
    }


def _shown(row: Holiday) -> dict[str, Any]:
    return {"day": row.day.isoformat(), "title": row.title, "hours": row.hours or "closed"}
