"""What the rotas hand to the console's shared parts: sidebar, home, palette."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.base.registries import (
    Calm,
    HomeRow,
    NameFinder,
    NavItem,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
)
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.oncall.links import override_url, page_of, take_url
from controlplane.oncall.models import Override, Schedule
from controlplane.oncall.shown.glance import Glance, Turn, glances, pending

SHOWN = 6
FOUND = 6
VIEW = "oncall.view"
AHEAD = timedelta(days=1)


def _schedules(actor: Actor, workspace_id: int | None) -> Any:
    rows = Schedule.objects.visible_to(actor).active()
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Where nobody is on duty and somebody should be; then one's own shift, now or within a day;
    then, for whoever can mend it, what the next weeks lack."""
    found, soon = [], clock.now() + AHEAD
    manages = policy.can(actor, "oncall.manage").allowed
    for one in glances(actor, workspace_id):
        if one.gap:
            found.append((0, _empty(one)))
        elif one.now is not None and one.now.person == actor.user_id:
            found.append((1, _own(one, one.now, on=True)))
        elif one.next is not None and one.next.person == actor.user_id and one.next.begins <= soon:
            found.append((2, _own(one, one.next, on=False)))
        if manages and not one.gap and (one.ahead or one.mend):
            found.append((3, _lacks(one)))
    found += [(1, row) for row in _for_person(actor, workspace_id)]
    found.sort(key=lambda pair: pair[0])
    return [row for _, row in found[:SHOWN]]


def _for_person(actor: Actor, workspace_id: int | None) -> list[Waiting]:
    """What somebody wrote for this person, asks of them, or waits for."""
    return [
        Waiting(
            title=one.title,
            url=one.url,
            text=one.text,
            state=one.state,
            tone="warn" if one.late else "info",
            since=one.at if one.state == "to read" else None,
            due=None if one.state == "to read" else one.at,
            mine=True,
        )
        for one in pending(actor, workspace_id)
        if actor.user_id in one.people
    ]


def _empty(one: Glance) -> Waiting:
    return Waiting(
        title=one.title,
        url=one.url,
        text="Nobody is on duty now. Take the shift, or change the rotation.",
        state="nobody",
        tone="bad",
        mine=True,
    )


def _lacks(one: Glance) -> Waiting:
    if one.ahead:
        return Waiting(
            title=one.title,
            url=one.url,
            text="Nobody has the shift yet.",
            state="gap",
            tone="warn",
            due=datetime.fromisoformat(one.ahead),
        )
    return Waiting(title=one.title, url=one.url, text=f"{one.mend}.", state="to mend", tone="warn")


def _own(one: Glance, turn: Turn, *, on: bool) -> Waiting:
    return Waiting(
        title=one.title,
        url=one.url,
        text="You are on duty." if on else "You are on duty next.",
        state="on duty" if on else "next",
        tone="good" if on else "info",
        since=turn.begins,
    )


def calm(actor: Actor, workspace_id: int | None) -> Calm:
    """Who answers, by name: with nothing to do, that is what one wants to know."""
    found = glances(actor, workspace_id)
    if not found:
        return Calm(
            "Nobody is on call: there is no schedule yet.",
            known=False,
            link=reverse("oncall:board"),
            link_text="Make one",
        )
    said = [f"{one.title}: {one.now.name}" for one in found if one.now is not None]
    return Calm(f"{'; '.join(said[:4])}." if said else "Nobody is meant to be on duty now.")


# --- Palette ----------------------------------------------------------------------------------


def _typed(actor: Actor, workspace_id: int | None, text: str) -> list[Schedule]:
    rows = _schedules(actor, workspace_id)
    for word in text.split()[:6]:
        rows = rows.filter(title__icontains=word) | rows.filter(slug__icontains=word)
    return list(rows.distinct().order_by("title")[:FOUND])


def found_by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    return [Target(row.title, page_of(row)) for row in _typed(actor, workspace_id, text)]


def takeable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    return [Target(row.title, take_url(row)) for row in _typed(actor, workspace_id, text)]


def endable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = (
        Override.objects.visible_to(actor).current_or_to_come().select_related("schedule", "person")
    )
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    for word in text.split()[:6]:
        rows = rows.filter(schedule__title__icontains=word) | rows.filter(
            person__name__icontains=word
        )
    return [
        Target(
            f"{row.person.name or row.person.email}, {row.schedule.title}",
            override_url(row).replace("/change/", "/do/take_back/"),
            f"{row.starts:%Y-%m-%d}",
        )
        for row in rows.distinct().order_by("starts")[:FOUND]
    ]


def register() -> None:
    nav_items.register(NavItem("oncall", "On call", "Operate", "oncall:board", "bell", VIEW, 12))
    home_rows.register(
        HomeRow(
            slug="oncall.now",
            title="On call",
            action=VIEW,
            rows=waiting,
            most=SHOWN,
            empty="somebody is on duty wherever somebody should be.",
            link="/admin/oncall/board/",
            order=12,
            calm=calm,
        )
    )
    for slug, verb, label, find, about in (
        ("oncall-take", "take", "Take a shift of", takeable, "Take a shift"),
        ("oncall-end", "end swap", "End the swap of", endable, "End a swap"),
    ):
        palette_verbs.register(
            PaletteVerb(
                slug, verb, "schedule", label, "oncall.override", find, noun="schedule",
                about=about,
            )
        )  # fmt: skip
    name_finders.register(NameFinder("oncall.schedules", "on-call schedule", VIEW, found_by_name))
    for slug, label, url, action, words in (
        ("oncall-board", "On call", "oncall:board", VIEW, ("who", "duty", "rota", "shift")),
        ("oncall-calendars", "Calendars and notices", "oncall:calendars", "oncall.feed",
         ("ics", "ical", "subscribe", "on call")),
        ("oncall-new", "New on-call schedule", "admin:oncall_schedule_add", "oncall.manage",
         ("rota", "rotation", "on call")),
    ):  # fmt: skip
        palette_actions.register(PaletteAction(slug, label, url, action, words))
