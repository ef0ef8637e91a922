"""What deployments hand to the console's shared parts: sidebar, home, palette, refs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from controlplane.access import policy
from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NavCount,
    NavItem,
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
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from deployments import links
from deployments.models import Deployment
from deployments.querysets import UNDER_WAY
from deployments.services import items
from deployments.shown import deck, deck_moves

VIEW = "deployment.view"
SHOWN = 8
FOUND = 6
MOST_COUNTED = 99
GROUP = "Deployments"
LIST = "/admin/deployments/deployment/"


def _here(actor: Actor, workspace_id: int | None) -> QuerySet[Deployment]:
    rows = Deployment.objects.visible_to(actor)
    return rows if workspace_id is None else rows.of(workspace_id)


def _turn(actor: Actor, workspace_id: int | None) -> QuerySet[Deployment]:
    """What waits for somebody who deploys, in one question: the worst first, then papers that are
    overdue, then what is out there already."""
    now = clock.now()
    over = Q(status="monitoring") & (Q(verdict="degraded") | Q(monitor_until__lte=now))
    owes = Q(kind="hotfix", docs_due_at__isnull=False, documented_at=None)
    rows = _here(actor, workspace_id).filter(
        over
        | Q(status__in=["preparing", "approved", "deploying", "verifying", "blocked"])
        | (owes & ~Q(status="cancelled"))
    )
    order = Case(
        When(verdict="degraded", status="monitoring", then=Value(0)),
        When(owes & Q(docs_due_at__lte=now), then=Value(1)),
        When(status__in=["verifying", "deploying"], then=Value(2)),
        When(status="monitoring", then=Value(3)),
        When(status="blocked", then=Value(4)),
        When(status="approved", then=Value(5)),
        default=Value(6),
        output_field=IntegerField(),
    )
    return rows.annotate(pressing=order).order_by("pressing", "planned_at", "pk")


_FIRST: ForReader[Deployment] = ForReader(
    lambda actor, workspace_id: _turn(actor, workspace_id).select_related("environment")[:SHOWN]
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    now = clock.now()
    return [_waiting(row, actor, now) for row in _FIRST.rows(actor, workspace_id)]


def _waiting(row: Deployment, actor: Actor, now: datetime) -> Waiting:
    told: dict[str, Any] = {
        "title": f"{row.ref} {row.title}",
        "url": links.page_of(row),
        "mine": row.created_by == actor.ref or row.watcher_id == actor.user_id is not None,
    }
    if row.status == "monitoring" and row.verdict == Deployment.Verdict.DEGRADED:
        return Waiting(
            text=f"{row.environment}: {deck.glance(row, now)}", state="worse", tone="bad",
            since=row.deployed_at, **told,
        )  # fmt: skip
    if row.docs_due_at is not None and row.documented_at is None:
        return Waiting(
            text="Evidence, review and timeline are owed", state="documentation",
            tone="bad" if row.docs_due_at <= now else "warn", due=row.docs_due_at, **told,
        )  # fmt: skip
    planned = row.planned_at if row.status in {"preparing", "approved"} else None
    return Waiting(
        text=f"{row.environment}: {deck.glance(row, now)}",
        state=str(row.get_status_display()).lower(),
        tone="warn" if row.status in {"blocked", "monitoring"} else "info",
        since=None if planned else (row.deployed_at or row.started_at or row.changed_at),
        due=planned,
        **told,
    )


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_turn(actor, workspace_id).order_by()[:MOST_COUNTED].count())


def _nav_count(actor: Actor, workspace_id: int | None) -> NavCount:
    """What is out there and not yet done; red while one of them made things worse."""
    rows = _here(actor, workspace_id).filter(status__in=UNDER_WAY).values_list("verdict", flat=True)
    found = list(rows[:MOST_COUNTED])
    return NavCount(len(found), "bad" if "degraded" in found else "info")


# --- Palette ----------------------------------------------------------------------------------


def _target(row: Deployment, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, str(row.get_status_display()))


def _typed(rows: Any, text: str) -> Any:
    return finding.typed(rows, text, "DEP", "title", "release")


def pressing(slug: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this move, of the deployments it can be made with."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        move = deck_moves.MOVES[slug]
        rows = _here(actor, workspace_id).filter(status__in=move.statuses)
        known = _typed(rows, text).select_related("environment", "workspace").order_by("-pk")
        return [
            _target(row, deck_moves.url(row, slug))
            for row in known[: FOUND * 3]
            if not deck_moves.idle(move, row)
        ][:FOUND]

    return find


def to_plan(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    """`deploy 4.2.0`: the ones that are there, then the page that makes one."""
    words = " ".join(text.replace("\x00", "").split())[:100]
    rows = _typed(_here(actor, workspace_id), words).order_by("-pk")
    found = [_target(row, links.page_of(row)) for row in rows[: FOUND - 1]] if words else []
    url = f"{reverse('deck:ensure')}?{urlencode({'release': words})}"
    return [*found, Target(words or "a release", url, "Locate or create")]


def related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the deployment it stands for; of a SEV issue without one, the way
    out for its fix."""
    if not isinstance(obj, Item):
        return None
    rows = kept.seen(
        actor,
        lambda actor, item: (
            Deployment.objects.visible_to(actor)
            .filter(item_id=item)
            .order_by("-pk")[: row_slots.MOST]
        ),
        obj.pk,
    )
    found = [
        row_slots.RelatedRow(
            title=row.title,
            url=links.page_of(row),
            ref=row.ref,
            state=str(row.get_status_display()),
        )
        for row in rows
    ]
    return [*found, *_fast_lane(actor, obj)] or None


# What is about a deployment, a mission or a window is no issue that one would mend.
NO_ISSUES = ("deployment", "maintenance", "rollback", "mission")


def _fast_lane(actor: Actor, item: Item) -> list[row_slots.RelatedRow]:
    urgent = item.priority == 0 or "hotfix" in item.labels
    if not urgent or item.category == "done" or item.item_type in NO_ISSUES:
        return []
    if not policy.can(actor, "deployment.create", item.workspace):
        return []
    if items.standing_on(item) is not None:
        return []
    url = f"{reverse('deck:hotfix')}?{urlencode({'item': item.key})}"
    return [row_slots.RelatedRow(title="New hotfix", url=url, note="brings its fix out at once")]


VERBS: tuple[tuple[str, str, str, str, str, Any], ...] = (
    ("deployment-ensure", "deploy", "Deploy", "deployment.create",
     "Locate or create the deployment of a release", to_plan),
    ("deployment-start", "start", "Start", "deployment.start", "Start a deployment",
     pressing("start")),
    ("deployment-rollback", "roll back", "Roll back", "deployment.rollback",
     "Roll a deployment back", pressing("rollback")),
    ("deployment-block", "block", "Block", "deployment.change", "Hold a deployment where it is",
     pressing("block")),
    ("deployment-done", "complete", "Close", "deployment.close", "Close a deployment",
     pressing("close")),
)  # fmt: skip
PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("deployment-new", "New deployment", "deck:plan", "deployment.create", ("plan", "release")),
    ("deployment-hotfix", "New hotfix", "deck:hotfix", "deployment.create",
     ("emergency", "outage", "urgent")),
    ("deployment-locate", "Locate or create a deployment", "deck:ensure", "deployment.create",
     ("ensure", "find")),
    ("deployment-adapters", "Adapters", "admin:deployments_adapter_changelist", VIEW,
     ("allow-list", "pipeline", "command")),
)  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem("deployments", "Deployments", GROUP, "admin:deployments_deployment_changelist",
                "send", VIEW, 50, "d", _nav_count)
    )  # fmt: skip
    nav_items.register(
        NavItem("deployment-adapters", "Adapters", GROUP,
                "admin:deployments_adapter_changelist", "plug", VIEW, 59)
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="deployments.turn",
            title="Deployments, your turn",
            action="deployment.start",
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="no deployment waits for a step, and no hotfix owes documentation.",
            link=f"{LIST}?standing=under_way",
            order=16,
        )
    )
    for slug, verb, label, action, about, find in VERBS:
        palette_verbs.register(
            PaletteVerb(slug, verb, "DEP-n", label, action, find, noun="deployment", about=about)
        )
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
    ref_finders.register(
        finding.by_ref("DEP", "deployment", _here, lambda row: _target(row, links.page_of(row)))
    )
    row_slots.links.register(row_slots.RowSource("deployments.item", related))
