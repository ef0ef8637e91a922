"""What threads hand to the console's shared parts: sidebar, home, palette, refs, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    Target,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    ref_finders,
)
from controlplane.jobs import leases
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from missions.models import Mission
from missions.threads import links
from missions.threads.models import Thread, WakeTrigger

VIEW = "thread.view"
GROUP = "Missions"
SHOWN = 8
FOUND = 6
MOST_COUNTED = 99


def _here(actor: Actor, workspace_id: int | None) -> QuerySet[Thread]:
    rows: QuerySet[Thread] = Thread.objects.visible_to(actor)
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _dead(actor: Actor, workspace_id: int | None) -> QuerySet[WakeTrigger]:
    """Given up, where there is still somebody to be woken for."""
    rows: QuerySet[WakeTrigger] = WakeTrigger.objects.visible_to(actor).filter(state=leases.DEAD)
    rows = rows.exclude(thread__status=Thread.Status.CLOSED)
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _count(actor: Actor, workspace_id: int | None) -> NavRows:
    """Open ones; amber while one is blocked."""
    rows = _here(actor, workspace_id).order_by()
    return NavRows(
        rows.filter(status__in=["active", "blocked"]), "info", most=MOST_COUNTED,
        grave=rows.filter(status="blocked"), grave_tone="warn",
    )  # fmt: skip


def _count_dead(actor: Actor, workspace_id: int | None) -> NavRows:
    return NavRows(_dead(actor, workspace_id).order_by(), "bad", most=MOST_COUNTED)


# --- Home -----------------------------------------------------------------------------------------


def _turn(actor: Actor, workspace_id: int | None) -> QuerySet[Thread]:
    """Where people are waited for: those asked by name first, then what is blocked, then wakes
    that were given up."""
    dead = WakeTrigger.objects.filter(thread=OuterRef("pk"), state=leases.DEAD)
    rows = _here(actor, workspace_id).filter(
        Q(status="blocked") | Q(status="active") & Q(Exists(dead))
    )
    named = Q(escalation_owner=actor.user_id) | Q(escalation_owner=None, owner=actor.user_id)
    order = Case(
        When(named & Q(status="blocked"), then=Value(0)),
        When(status="blocked", then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return rows.annotate(pressing=order).order_by("pressing", "status_at", "pk")


_FIRST: ForReader[Thread] = ForReader(
    lambda actor, workspace_id: _turn(actor, workspace_id)[:SHOWN]
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [_waiting(row, actor) for row in _FIRST.rows(actor, workspace_id)]


def _waiting(row: Thread, actor: Actor) -> Waiting:
    asked = row.escalation_owner_id or row.owner_id
    if row.status == Thread.Status.BLOCKED:
        return Waiting(
            title=f"{row.ref} {row.title}", url=links.page_of(row), text=row.status_reason,
            state="blocked", tone="warn", since=row.status_at,
            mine=asked is not None and asked == actor.user_id,
        )  # fmt: skip
    return Waiting(
        title=f"{row.ref} {row.title}", url=links.page_of(row),
        text="Somebody was to be woken, and nobody came.", state="wake given up", tone="bad",
        since=row.last_message_at,
    )  # fmt: skip


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_turn(actor, workspace_id).order_by()[:MOST_COUNTED].count())


# --- Found by ref and by name ---------------------------------------------------------------------


def _target(row: Thread) -> Target:
    return Target(f"{row.ref} {row.title}", links.page_of(row), str(row.get_status_display()))


def _named(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _here(actor, workspace_id).filter(archived_at=None)
    for word in text.replace("\x00", "").split()[:4]:
        rows = rows.filter(title__holds=word)
    return [_target(row) for row in rows.order_by("-pk")[:FOUND]]


# --- On pages of others ---------------------------------------------------------------------------


def _related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the pages of a work item and of a mission: what is said about it."""
    if isinstance(obj, Item):
        rows = kept.seen(actor, _of_item, obj.pk)
    elif isinstance(obj, Mission):
        rows = kept.seen(actor, _of_mission, obj.item_id) if obj.item_id is not None else []
    else:
        return None
    found = [
        row_slots.RelatedRow(
            title=row.title, url=links.page_of(row), ref=row.ref,
            state=str(row.get_status_display()), note="thread of agents", at=row.last_message_at,
        )
        for row in rows
    ]  # fmt: skip
    return found or None


def _of_item(actor: Actor, item: int) -> QuerySet[Thread]:
    rows = Thread.objects.visible_to(actor).filter(item_id=item)
    return rows.order_by("-id")[: row_slots.MOST]


def _of_mission(actor: Actor, item: int) -> QuerySet[Thread]:
    """Its items first: "or" over a join would read every thread and every item there is."""
    items = Item.objects.filter(Q(pk=item) | Q(parent_id=item)).order_by().values("pk")
    rows = Thread.objects.visible_to(actor).filter(item__in=items)
    return rows.order_by("-id")[: row_slots.MOST]


def register() -> None:
    from missions.threads import figures  # noqa: F401 - what the dashboard counts

    nav_items.register(
        NavItem("threads", "Threads", GROUP, "admin:threads_thread_changelist", "mail", VIEW, 49,
                "", _count)
    )  # fmt: skip
    nav_items.register(
        NavItem("wakes", "Wakes", GROUP, "admin:threads_waketrigger_changelist", "bell", VIEW, 50,
                "", _count_dead)
    )  # fmt: skip
    nav_items.register(
        NavItem("runtimes", "Runtimes", GROUP, "admin:threads_runtimesession_changelist",
                "monitor", VIEW, 51)
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("wake-commands", "Wake commands", "admin:threads_wakerun_changelist", VIEW,
                      ("runs", "kill"))
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("thread-levels", "Service levels of threads", "missions:threads:levels", VIEW,
                      ("sli", "slo", "promises"))
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("thread-escalation", "Escalation of threads",
                      "admin:threads_threadescalationpolicy_changelist", VIEW, ("rules", "who"))
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="threads.turn",
            title="Threads that wait for a person",
            action=VIEW,
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="no thread waits for a person.",
            link=f"{links.LIST}?standing=blocked",
            order=16,
        )
    )
    ref_finders.register(finding.by_ref("THR", "thread", _here, _target))
    name_finders.register(NameFinder("threads.threads", "thread", VIEW, _named))
    row_slots.links.register(row_slots.RowSource("threads.about", _related))
