"""What rollouts hand to the console's shared parts: sidebar, home, palette, pages of other rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from deployments.canary import links
from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout
from deployments.querysets import RolloutQuerySet
from deployments.shown import canaries
from deployments.shown.canary_words import HELD, sentence

GROUP, VIEW, PLAN = "Deployments", "rollout.view", "rollout.plan"
FOUND, SHOWN, MOST_COUNTED = 6, 8, 99


def _here(actor: Actor, workspace_id: int | None) -> RolloutQuerySet:
    rows = Rollout.objects.visible_to(actor).select_related("flag", "environment")
    found: RolloutQuerySet = rows if workspace_id is None else rows.of(workspace_id)
    return found


def _counted(actor: Actor, workspace_id: int | None) -> NavRows:
    """Under way; amber while one of them waits for somebody."""
    rows = _here(actor, workspace_id).order_by()
    return NavRows(
        rows.filter(status__in=("running", "held", "paused", "stabilizing")),
        "info",
        MOST_COUNTED,
        grave=rows.waiting(),
        grave_tone="warn",
    )


# --- Home -----------------------------------------------------------------------------------------


_NEWEST: ForReader[Rollout] = ForReader(
    lambda actor, workspace_id: (
        _here(actor, workspace_id)
        .waiting()
        .prefetch_related(canaries.with_steps())
        .order_by("-pk")[: 4 * SHOWN]
    )
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Held, paused, or to be documented; those that a person must decide first."""
    found = [_line(row, actor) for row in _NEWEST.rows(actor, workspace_id)]
    order = {"you decide": 0, "held": 1, "paused": 2}
    found.sort(key=lambda line: (order.get(line.state, 3), line.since is None, line.since))
    return found[:SHOWN]


def _line(row: Rollout, actor: Actor) -> Waiting:
    step = canaries.current(row)
    state, text, since = str(row.get_status_display()).lower(), "", row.started_at
    if row.status == "held" and step is not None:
        state = "you decide" if step.verdict == "ask" else "held"
        why = HELD.get(step.rule, "Held.").removeprefix("Held: ")
        text = f"At {step.percent} %: {sentence(why)} {sentence(step.reason)}"
        since = step.held_since or step.earliest_next_at
    elif row.status == "paused" and step is not None:
        text, since = f"Paused at {step.percent} %.", step.checked_at
        text += "" if row.flag.enabled else " Its flag is off: roll back, or switch it on again."
    elif row.status == "stabilizing":
        text = "On for everybody: document how it went to end it."
        since = step.ended_at if step is not None else None
    return Waiting(
        title=f"{row.flag.flag_name} in {row.environment}",
        url=links.page_of(row),
        text=text,
        state=state,
        tone="info" if row.status == "stabilizing" else "warn",
        since=since,
        mine=row.created_by == actor.ref,
    )


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_here(actor, workspace_id).waiting().order_by()[:MOST_COUNTED].count())


# --- Palette --------------------------------------------------------------------------------------


def _typed(rows: QuerySet[Any], text: str) -> Any:
    return finding.typed(rows, text, "CAN", "title", "flag__flag_name").order_by("-pk")


def _target(row: Rollout, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, str(row.get_status_display()))


def by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _typed(_here(actor, workspace_id), text)[:FOUND]
    return [_target(row, links.page_of(row)) for row in rows]


def pressing(name: str, *statuses: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this button, of the rollouts it can be pressed for."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        rows = _typed(_here(actor, workspace_id).filter(status__in=statuses), text)[:FOUND]
        return [_target(row, links.button(row, name)) for row in rows]

    return find


VERBS: tuple[tuple[str, str, str, str, str, Any], ...] = (
    ("rollout-promote", "promote", "Go on with", "rollout.promote",
     "Bring a canary to its next step", pressing("promote", "running", "held")),
    ("rollout-pause", "pause", "Pause", "rollout.pause", "Keep a canary at its step",
     pressing("pause", "running", "held")),
    ("rollout-rollback", "take back", "Roll back", "rollout.rollback", "Roll a canary back",
     pressing("roll_back", "running", "held", "paused", "stabilizing")),
)  # fmt: skip


# --- On pages of other rows -----------------------------------------------------------------------


def related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a flag its rollouts, and on a deployment's, which names its own, the way to
    plan one."""
    if isinstance(obj, Flag):
        return block(actor, flag=obj)
    if isinstance(obj, Deployment):
        plan = [each for each in block(actor, deployment=obj) if not each.ref]
        return plan or None
    return None


def block(
    actor: Actor, *, flag: Flag | None = None, deployment: Deployment | None = None
) -> list[row_slots.RelatedRow]:
    """Links to rollouts of a flag or a deployment, the newest first."""
    rows = Rollout.objects.visible_to(actor).select_related("environment")
    rows = rows.filter(flag=flag) if flag is not None else rows.filter(deployment=deployment)
    found = [
        row_slots.RelatedRow(
            title=row.title,
            url=links.page_of(row),
            ref=row.ref,
            state=str(row.get_status_display()),
            note=f"canary rollout in {row.environment}",
            at=row.ended_at or row.started_at or row.created_at,
        )
        for row in rows.order_by("-pk")[:5]
    ]
    plan = _plan(flag, deployment)
    if plan:
        found.append(row_slots.RelatedRow(title="Plan a canary rollout", url=plan))
    return found


def _plan(flag: Flag | None, deployment: Deployment | None) -> str:
    """Where one could still be planned; "" for what is archived or over."""
    if flag is not None:
        return "" if flag.is_archived else links.planning(flag=flag)
    if deployment is None or deployment.flag is None or deployment.status in _OVER:
        return ""
    place = deployment.environment.slug
    return links.planning(flag=deployment.flag, place=place, deployment=deployment)


_OVER = ("rolled_back", "failed", "cancelled")


def of_item(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the rollout it stands for, is a step of, or blocks."""
    if not isinstance(obj, Item):
        return None
    mine = kept.seen(
        actor,
        lambda actor, item: (
            Rollout.objects.visible_to(actor)
            .filter(Q(item=item) | Q(blocker=item) | Q(steps__item=item))
            .distinct()
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
        for row in mine
    ]
    return found or None


def register() -> None:
    nav_items.register(
        NavItem("rollouts", "Canary rollouts", GROUP, "admin:deployments_rollout_changelist",
                "activity", VIEW, 55, "", _counted)
    )  # fmt: skip
    palette_actions.register(
        PaletteAction(
            "rollout-plan", "Plan a canary rollout", "canary:plan_new", PLAN, ("canary", "flag")
        )
    )
    for slug, verb, label, action, about, find in VERBS:
        palette_verbs.register(
            PaletteVerb(slug, verb, "CAN-n", label, action, find, noun="rollout", about=about)
        )
    name_finders.register(NameFinder("rollouts", "canary rollout", VIEW, by_name))
    ref_finders.register(
        finding.by_ref("CAN", "canary rollout", _here, lambda row: _target(row, links.page_of(row)))
    )
    row_slots.links.register(row_slots.RowSource("canary.rollouts", related))
    row_slots.links.register(row_slots.RowSource("canary.of_item", of_item))
    home_rows.register(
        HomeRow(
            slug="canary.waiting",
            title="Canaries that wait for somebody",
            action="rollout.promote",
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="no canary waits for anybody.",
            link=f"{links.LIST}?open=waiting",
            order=15,
        )
    )
