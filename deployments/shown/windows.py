"""The page of a window: where it is, what is missing and who mends it, what was said of it, what
happens next and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import Count

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.oncall.walls import local_of
from controlplane.work.models import Item
from deployments.maintenance import checks, links, plans, standing
from deployments.maintenance.checks import Check, Look
from deployments.maintenance.services.tasks import REMARKS
from deployments.maintenance.templates import TEMPLATES
from deployments.models import MaintenanceWindow, Notice
from deployments.shown import window_moves
from deployments.shown.deck import Place
from telemetry.models import RuleState

ROAD = (
    "draft", "scheduled", "announced", "approved", "in_progress", "monitoring", "completed",
)  # fmt: skip
PARTNERS = ("draft", "scheduled", "announced", "in_progress", "completed")
TALK = 8
_NOWHERE = {"status": "no status page", "chat": "no channel"}
QUIET = 6  # alerts that are kept quiet, by name
_TONES = {"holds": "passed", "missing": "failed", "waits": "waiting", "waived": "waived"}
_ICONS = {"holds": "check", "missing": "close", "waits": "clock", "waived": "minus"}
_WORDS = {"holds": "holds", "missing": "missing", "waits": "waits", "waived": "goes without",
          "does not apply": "does not apply"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Following:
    """What happens next. `url` leads to it; without one there is only waiting, until `due`."""

    label: str
    why: str = ""
    url: str = ""
    refusal: str = ""
    pressed: bool = False
    due: datetime | None = None
    icon: str = "arrow-right"
    others: bool = False  # somebody else is asked; one can look


def road(row: MaintenanceWindow) -> list[Place]:
    names = ROAD if row.is_ours else PARTNERS
    at = _reached(row, names)
    times = {
        "draft": row.created_at,
        "in_progress": row.started_at,
        "monitoring": row.finished_at,
        "completed": row.closed_at,
    }
    found = []
    for place, name in enumerate(names):
        mark = "done" if place < at else "ahead"
        if place == at:
            mark = "done" if name == "completed" else "here"
        label = str(MaintenanceWindow.Status(name).label)
        found.append(Place(label, mark, times.get(name) if place <= at else None))
    if row.status in {"rolled_back", "cancelled", "missed"}:
        words = str(row.get_status_display())
        left = row.ends_at if row.status == "missed" else row.closed_at
        found[at] = Place(found[at].label, row.status, left, words)
    return found


def _reached(row: MaintenanceWindow, names: Sequence[str]) -> int:
    if row.status in names:
        return names.index(row.status)
    if row.finished_at is not None and row.monitor_until is not None:
        return names.index("monitoring") if "monitoring" in names else names.index("in_progress")
    if row.started_at is not None:
        return names.index("in_progress")
    return names.index("scheduled") if row.revision else 0


def look_of(row: MaintenanceWindow) -> Look:
    """Head and panel of one page rest on the same look."""
    look = row.__dict__.get("_look")
    if look is None:
        look = row.__dict__["_look"] = Look(row)
    return cast("Look", look)


def following(row: MaintenanceWindow, actor: Actor) -> Following:
    """The one next step, and whether this person takes it."""
    look = look_of(row)
    step = {
        "draft": _of_draft,
        "scheduled": _of_planned,
        "announced": _of_planned,
        "approved": _of_approved,
        "in_progress": _of_going,
        "monitoring": _of_watched,
        "missed": _of_missed,
    }.get(row.status)
    if step is None:
        return Following("Nothing", row.close_reason or "It is over.")
    return step(row, actor, look)


def _move(row: MaintenanceWindow, actor: Actor, slug: str, why: str, **more: Any) -> Following:
    move = window_moves.MOVES[slug]
    decision = policy.can(actor, move.action, row)
    asks = bool(move.asks) and (move.must or more.pop("ask", False))
    url = window_moves.url(row, slug)
    return Following(
        more.pop("label", move.label) + ("…" if asks else ""),
        why,
        url if asks else f"{url}?version={row.version}",
        "" if decision else decision.reason,
        pressed=not asks,
        icon=move.icon,
        **more,
    )


def _form(
    row: MaintenanceWindow, actor: Actor, name: str, label: str, why: str, **more: Any
) -> Following:
    decision = policy.can(actor, "maintenance.change", row)
    refusal = "" if decision else decision.reason
    return Following(f"{label}…", why, links.door(row, name), refusal, icon="edit", **more)


def _missing(found: Sequence[Check]) -> list[Check]:
    return [check for check in found if check.stands_in_the_way]


def _of_draft(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    missing = _missing(look.schedule)
    hard = [check for check in missing if check.slug not in {"lead", "hours"}]
    said = " ".join(check.said for check in missing)
    if hard or (missing and not policy.can(actor, "maintenance.waive", row)):
        return _form(row, actor, "change", "Give it another time", said)
    if missing:
        label = "Schedule it all the same"
        return _move(row, actor, "schedule", f"{said} You may say why.", label=label, ask=True)
    return _move(row, actor, "schedule", "Its notices are laid out with it.")


def _of_planned(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    if look.now >= row.ends_at:
        return _form(row, actor, "reschedule", "Give it another time", "Its time is over.")
    if not row.is_ours:
        return Following("Wait", f"{row.partner} begins by its own clock.", due=row.starts_at)
    doors = {"rollback": ("change", "Write the way back"), "subtasks": ("tasks", "Split the work")}
    for check in _missing(look.consent):
        if check.slug == "tested":
            return _move(row, actor, "tested", check.said)
        name, label = doors[check.slug]
        return _form(row, actor, name, label, check.said)
    request = row.approval
    if request is not None and request.status == "open":
        return Following(
            f"See who signs {request.ref}", "Whoever must sign is asked.", links.request(request),
            icon="users", others=True,
        )  # fmt: skip
    if request is None or request.status != "approved":
        was = f"{request.ref} is {request.get_status_display().lower()}. " if request else ""
        return _move(row, actor, "ask", f"{was}Everything is there to be signed.")
    if (moved := _unsigned(look)) is not None:
        return _move(row, actor, "ask", moved.said)
    why = "Consent is given; it counts once the first notice has left."
    return _move(row, actor, "announce", why)


def _unsigned(look: Look) -> Check | None:
    """Consent was given to something else."""
    found = (check for check in look.start if check.slug == "consent")
    return next((check for check in found if check.state == "missing"), None)


def _of_approved(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    missing = {check.slug: check for check in _missing(look.start)}
    if "time" in missing and look.now >= row.ends_at:
        return _form(row, actor, "reschedule", "Give it another time", missing["time"].said)
    if (moved := _unsigned(look)) is not None:
        return _move(row, actor, "ask", moved.said)
    if "watcher" in missing:
        return _form(row, actor, "change", "Name who watches", missing["watcher"].said)
    if "time" in missing:
        return Following("Wait", "Everything is ready. It begins at its time.", due=row.starts_at)
    if "notices" in missing and missing["notices"].state == "missing":
        return _move(row, actor, "announce", missing["notices"].said)
    if missing:
        check = next(iter(missing.values()))
        return Following("Wait", f"{check.title}: {check.said}")
    return _move(row, actor, "start", "Its time has come.", due=row.ends_at)


def _of_missed(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    why = (
        "Nobody began it in its time. What it held is free again, and the work is still to be done."
    )
    return _form(row, actor, "reschedule", "Give it another time", why)


def _of_going(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    if not row.is_ours:
        return Following("Wait", f"{row.partner} is at work.", due=row.ends_at)
    still = [task for task in standing.tasks(row) if task.category != "done"]
    why = f"{len(still)} of its subtasks {'are' if len(still) != 1 else 'is'} open." if still else (
        "Every subtask is closed."
    )  # fmt: skip
    return _move(row, actor, "finish", why, due=row.ends_at)


def _of_watched(row: MaintenanceWindow, actor: Actor, look: Look) -> Following:
    missing = {check.slug: check for check in _missing(look.close)}
    if "watched" in missing:
        why = missing["watched"].said
        if "children" in missing:
            why += f" {missing['children'].said}"
        return Following("Wait", why, due=row.monitor_until)
    if missing:
        item = row.item
        return Following(
            "Close the subtasks", missing["children"].said,
            links.row(item) if item is not None else "",
        )  # fmt: skip
    return _move(row, actor, "close", "The watch is over.")


# --- Its parts ---------------------------------------------------------------------------------


def told(found: Sequence[Check]) -> list[dict[str, Any]]:
    """What is missing first."""
    order = ("missing", "waits", "waived", "holds")
    rows = [check for check in found if check.state in order]
    return [
        {
            "check": check,
            "tone": _TONES[check.state],
            "icon": _ICONS[check.state],
            "word": _WORDS[check.state],
            "open": check.stands_in_the_way,
            "waivable": check.slug in checks.WAIVABLE and check.state == "missing",
        }
        for check in sorted(rows, key=lambda check: order.index(check.state))
    ]


# Of its time: a correction stands before what it corrects.
_PLACE = ("correction", "planned", "week", "day", "start", "done", "missed", "cancelled")
CHANNELS = [(channel.value, str(channel.label)) for channel in Notice.Channel]


def notices(row: MaintenanceWindow) -> list[dict[str, Any]]:
    """A line for each thing to be said, a cell for each place."""
    rows = standing.notices(row)
    figures = standing.figures_of(rows)
    lines: dict[str, dict[str, Any]] = {}
    for each in rows:
        line = lines.setdefault(
            each.kind,
            {"label": each.get_kind_display(), "due": each.due_at, "cells": {}, "sent": None},
        )
        line["cells"][each.channel] = _cell(each, figures)
        if each.state in {"sent", "late"}:
            line["sent"] = each.sent_at
    lines = {kind: lines[kind] for kind in sorted(lines, key=_PLACE.index)}
    for line in lines.values():
        line["cells"] = [(label, line["cells"].get(channel)) for channel, label in CHANNELS]
    return list(lines.values())


def _cell(row: Notice, figures: Mapping[Any, Mapping[str, int]]) -> dict[str, Any]:
    words, tone = {
        "due": ("due", "neutral"),
        "sent": ("sent", "good"),
        "late": ("sent late", "warn"),
        "folded": (f"with “{Notice.Kind(row.folded_into).label}”" if row.folded_into else "",
                   "neutral"),
        "nowhere": (_NOWHERE.get(row.channel, "nobody to tell"), "neutral"),
        "void": ("no longer", "neutral"),
    }[row.state]  # fmt: skip
    method = standing.SENT_BY.get(row.channel)
    counts = figures.get((row.notification_id, method), {}) if method else {}
    note = ""
    lost = counts.get("dead", 0) + counts.get("rejected", 0)
    if lost:
        tone = "bad" if lost == sum(counts.values()) else "warn"
        note = f"{lost} of {sum(counts.values())} not delivered"
    elif counts.get("waiting"):
        note = f"{counts['waiting']} on their way"
    elif counts.get("sent", 0) > 1:
        note = f"{counts['sent']} people"
    return {"words": words, "tone": tone, "note": note, "at": row.sent_at}


def tasks(row: MaintenanceWindow) -> list[dict[str, Any]]:
    found = standing.tasks(row)
    counted = Item.objects.filter(pk__in=[item.pk for item in found]).annotate(
        said=Count("comments", distinct=True), shown=Count("links", distinct=True)
    )
    numbers = {pk: (said, shown) for pk, said, shown in counted.values_list("pk", "said", "shown")}
    return [
        {
            "item": item,
            "url": links.row(item),
            "said": numbers.get(item.pk, (0, 0))[0],
            "shown": numbers.get(item.pk, (0, 0))[1],
            "open": item.category != "done",
            "begun": item.category == "wip",
        }
        for item in found
    ]


def talk(row: MaintenanceWindow) -> list[Any]:
    """The end of its thread, the newest first."""
    if row.item is None:
        return []
    return list(row.item.comments.order_by("-pk")[:TALK])


def kept_quiet(row: MaintenanceWindow, actor: Actor) -> tuple[list[Any], int]:
    """Alerts that fire and are silent because of it: by name, and how many more."""
    if row.status != "in_progress" or not policy.can(actor, "telemetry.view", row):
        return [], 0
    rows = RuleState.objects.of(row.workspace_id).firing().filter(quiet_link=links.window(row))
    found = list(rows.select_related("rule").order_by("fired_at", "pk")[:QUIET])
    more = rows.count() - len(found) if len(found) == QUIET else 0
    shown = [(str(each), f"/admin/telemetry/rulestate/{each.uid}/change/") for each in found]
    return shown, more


def span(row: MaintenanceWindow, zone: ZoneInfo) -> str:
    """In UTC, and by the reader's clock where that shows another time."""
    said = plans.span_words(row.starts_at, row.ends_at)
    first, end = local_of(row.starts_at, zone), local_of(row.ends_at, zone)
    if first == row.starts_at.replace(tzinfo=None):
        return said
    return f"{said}; {first:%a %H:%M} to {end:%H:%M} in {zone.key}"


def panel(row: MaintenanceWindow, actor: Actor, zone: ZoneInfo) -> dict[str, Any]:
    look = look_of(row)
    may = policy.can(actor, "maintenance.change", row)
    found = look.pending
    coming = standing.next_event(row, look.now)
    running = row.status in {"in_progress", "monitoring"}
    silent, more_silent = kept_quiet(row, actor)
    return {
        "row": row,
        "road": road(row),
        "span": span(row, zone),
        "following": following(row, actor),
        "coming": coming,
        "checks": told(found),
        "missing": sum(check.state == "missing" for check in found),
        "waits": sum(check.state == "waits" for check in found),
        "silent": silent,
        "more_silent": more_silent,
        "beside": standing.beside(row) if row.is_open else [],
        "channels": [label for _, label in CHANNELS],
        "notices": notices(row) if row.revision else [],
        "moved": row.revision > 1,
        "tasks": tasks(row),
        "waived": [
            (checks.WAIVABLE.get(each["rule"], each["rule"]), each["reason"], each["by"])
            for each in row.waived
        ],
        "talk": talk(row),
        "may_change": bool(may),
        "may_waive": bool(policy.can(actor, "maintenance.waive", row)),
        "waive_url": links.door(row, "waive"),
        "task_url": links.door(row, "tasks"),
        "remark_url": links.door(row, "remark"),
        "follow_url": links.door(row, "follow-ups"),
        "splittable": bool(may) and row.is_open and row.status != "monitoring",
        "movable": bool(may) and running,
        "remarks": list(REMARKS.items()),
        "talks": bool(may) and row.item is not None and (running or row.is_emergency),
        "leaves": bool(may) and row.started_at is not None and row.item is not None,
        "templates": [(each.slug, each.title, each.about) for each in TEMPLATES.values()],
    }
