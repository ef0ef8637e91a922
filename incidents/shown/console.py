"""What incidents hand to the console's shared parts: sidebar, home, palette, refs, talk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from incidents import links
from incidents.gates import GRAVE
from incidents.models import Incident
from incidents.records import levels
from incidents.shown import clocks, cockpit, moves

VIEW = "incident.view"
SHOWN = 8
FOUND = 6
MOST_COUNTED = 99
LIST = "/admin/incidents/incident/"


def _here(actor: Actor, workspace_id: int | None) -> QuerySet[Incident]:
    rows: QuerySet[Incident] = Incident.objects.visible_to(actor)
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _burning(actor: Actor, workspace_id: int | None) -> QuerySet[Incident]:
    return _here(actor, workspace_id).filter(status__in=moves.BURNING)


_GRAVEST: ForReader[Incident] = ForReader(
    lambda actor, workspace_id: _burning(actor, workspace_id).order_by("severity", "-pk")[:SHOWN]
)


_COUNTED: ForReader[int] = ForReader(
    lambda actor, workspace_id: (
        _burning(actor, workspace_id).order_by().values_list("pk", flat=True)[:MOST_COUNTED]
    )
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """The gravest first."""
    ladders: dict[int, Any] = {}
    found = []
    for row in _GRAVEST.rows(actor, workspace_id):
        if row.workspace_id not in ladders:
            ladders[row.workspace_id] = levels.of(row.workspace_id)
        due = clocks.next_due(row, ladders[row.workspace_id].get(row.severity))
        alone = row.acknowledged_at is None
        found.append(
            Waiting(
                title=f"{row.ref} {row.title}",
                url=links.page_of(row),
                text=cockpit.glance(row),
                state=row.severity.upper().replace("SEV", "SEV-"),
                tone="bad" if row.severity in GRAVE or alone else "warn",
                since=None if due else row.opened_at,
                due=due,
                mine=row.commander_id == actor.user_id is not None,
            )
        )
    return found


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return len(_COUNTED.rows(actor, workspace_id))


def last_over(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = _here(actor, workspace_id).filter(resolved_at__isnull=False).order_by("-resolved_at")
    return rows.values_list("resolved_at", flat=True)


def _nav_count(actor: Actor, workspace_id: int | None) -> NavRows:
    """What burns; red while it is grave."""
    rows = _burning(actor, workspace_id)
    return NavRows(rows, "warn", MOST_COUNTED, rows.filter(severity__in=GRAVE))


# --- Palette ----------------------------------------------------------------------------------


def _target(row: Incident, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, str(row.get_status_display()))


def _typed(rows: Any, text: str) -> Any:
    return finding.typed(rows, text, "INC", "title")


def pressing(slug: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this move, of the incidents it can be made with."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        move = moves.MOVES[slug]
        rows = _typed(_here(actor, workspace_id).filter(status__in=move.statuses), text)
        if slug == "acknowledge":
            rows = rows.filter(acknowledged_at=None)
        rows = rows.order_by("severity", "-pk")
        return [_target(row, moves.url(row, slug)) for row in rows[:FOUND]]

    return find


# --- On pages of others, and its own --------------------------------------------------------------


def related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the incident it stands for."""
    if not isinstance(obj, Item):
        return None
    rows = kept.seen(
        actor,
        lambda actor, item: Incident.objects.visible_to(actor).filter(item_id=item)[
            : row_slots.MOST
        ],
        obj.pk,
    )
    found = [
        row_slots.RelatedRow(
            title=row.title, url=links.page_of(row), ref=row.ref,
            state=str(row.get_status_display()),
        )
        for row in rows
    ]  # fmt: skip
    return found or None


def comment_box(actor: Actor, obj: Any) -> row_slots.CommentBox | None:
    """What is said of an incident is said of its work item, where everybody follows it."""
    if not isinstance(obj, Incident) or obj.item is None:
        return None
    decision = policy.can(actor, "work.comment", obj.item)
    return row_slots.CommentBox(
        url=reverse("work:comment", args=(obj.item.uid,)),
        refusal="" if decision else f"Commenting: {decision.reason}.",
        hint=f"It stands on {obj.item.key}; whoever follows that is told.",
    )


def comments(actor: Actor, obj: Any, most: int) -> Sequence[dict[str, Any]]:
    return cockpit.talk(actor, obj, most) if isinstance(obj, Incident) else []


VERBS: tuple[tuple[str, str, str, str], ...] = (
    ("acknowledge", "ack", "Acknowledge", "Say that you are on an incident"),
    ("triage", "triage", "Triage", "Say what is seen of an incident"),
    ("severity", "sev", "Change severity of", "Say how grave an incident is"),
    ("mitigated", "mitigated", "Mitigated", "Say that an incident hurts nobody any more"),
    ("resolve", "resolve", "Resolve", "Say that an incident is over"),
)
PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("incident-new", "Open an incident", "burning:new", "incident.open",
     ("declare", "outage", "report", "sev1")),
    ("incident-levels", "Severities", "burning:levels", VIEW, ("ladder", "levels", "clocks")),
    ("paging-figures", "How calls are answered", "paging:figures", "paging.view",
     ("mtta", "mttr", "missed", "pages", "kpi")),
)  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem("incidents", "Incidents", "Operate", "admin:incidents_incident_changelist",
                "siren", VIEW, 3, "i", _nav_count)
    )  # fmt: skip
    nav_items.register(
        NavItem("alerts-received", "Alerts received", "Operate",
                "admin:incidents_alert_changelist", "activity",
                "alert.view", 4)
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="incidents.burning",
            title="Burns now",
            action=VIEW,
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="nothing burns.",
            link=f"{LIST}?standing=burning",
            order=1,
            last=last_over,
            then="resolved",
        )
    )
    for slug, verb, label, about in VERBS:
        palette_verbs.register(
            PaletteVerb(f"incident-{slug}", verb, "INC-n", label, moves.MOVES[slug].action,
                        pressing(slug), noun="incident", about=about)
        )  # fmt: skip
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
    ref_finders.register(
        finding.by_ref("INC", "incident", _here, lambda row: _target(row, links.page_of(row)))
    )
    row_slots.links.register(row_slots.RowSource("incidents.item", related))
    row_slots.comment_doors.register(row_slots.CommentDoor("incidents.item", comment_box, comments))
