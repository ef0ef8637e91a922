"""What rules hand to the console's shared parts: sidebar, home, palette."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from controlplane.base.registries import (
    Calm,
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    Target,
    Tone,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
)
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from telemetry.models import AlertRule, RuleReadings, RuleState
from telemetry.rules import drawn, vocabulary

VIEW = "telemetry.view"
SHOWN, FOUND, MOST_COUNTED = 10, 6, 999
# Evaluated every 15 seconds: after this long nobody knows.
STALE_S = 180
_TONES: dict[str, Tone] = {"critical": "bad", "warning": "warn", "info": "info"}


def firing(actor: Actor, workspace_id: int | None) -> Any:
    rows = RuleState.objects.visible_to(actor).firing()
    if workspace_id is not None:
        rows = rows.filter(Q(workspace_id=workspace_id) | Q(workspace=None))
    return rows.order_by()


def _pressing(actor: Actor, workspace_id: int | None) -> Any:
    """What somebody should look at: an info alert needs nobody, nor does what is kept quiet."""
    return firing(actor, workspace_id).told().exclude(rule__severity="info")


_GRAVEST: ForReader[RuleState] = ForReader(
    lambda actor, workspace_id: (
        _pressing(actor, workspace_id)
        .select_related("rule", "workspace")
        .order_by("rule__severity", "fired_at")[:SHOWN]
    )
)


def _waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=str(state),
            url=f"/admin/telemetry/alertrule/{state.rule.uid}/change/",
            text=_told(state),
            state=state.rule.severity,
            tone=_TONES[state.rule.severity],
            since=state.fired_at,
        )
        for state in _GRAVEST.rows(actor, workspace_id)
    ]


def _told(state: RuleState) -> str:
    unit = drawn.unit_of(state.rule)
    value = "No data" if state.value is None else vocabulary.number(state.value, unit)
    return f"{value}; the rule fires {vocabulary.limit_words(state.rule, unit)}."


def _count(actor: Actor, workspace_id: int | None) -> int:
    return int(_pressing(actor, workspace_id)[:MOST_COUNTED].count())


def _in_nav(actor: Actor, workspace_id: int | None) -> NavRows:
    rows = _pressing(actor, workspace_id)
    return NavRows(rows, "warn", MOST_COUNTED, grave=rows.filter(rule__severity="critical"))


def _last(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = RuleState.objects.visible_to(actor).exclude(resolved_at=None)
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return rows.order_by("-resolved_at").values_list("resolved_at", flat=True)


def _read_last(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime]:
    rows = RuleReadings.objects.visible_to(actor)
    rows = rows if workspace_id is None else rows.of(workspace_id)
    return rows.order_by("-at").values_list("at", flat=True)[:1]


_READ_LAST: ForReader[datetime] = ForReader(_read_last)


def _calm(actor: Actor, workspace_id: int | None) -> Calm:
    """Silence of rules that nobody evaluates is no good news."""
    at = next(iter(_READ_LAST.rows(actor, workspace_id)), None)
    if at is None:
        return Calm("No rule has been looked at yet. The worker begins within 15 seconds.", False)
    if (clock.now() - at).total_seconds() > STALE_S:
        told = f"Rules were last looked at {at:%Y-%m-%d %H:%M} UTC. See that the worker runs."
        return Calm(told, False)
    quiet = firing(actor, workspace_id).kept_quiet()[:MOST_COUNTED].count()
    if quiet:
        return Calm(f"Nobody has to look: what fires ({quiet}) is kept quiet for now.")
    return Calm("No alert is firing.")


def _by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = AlertRule.objects.visible_to(actor)
    rows = rows.shown_in(workspace_id) if workspace_id is not None else rows
    asked = text.strip()[:60]
    found = rows.filter(Q(title__icontains=asked) | Q(slug__icontains=asked)).order_by("title")
    return [
        Target(rule.title, f"/admin/telemetry/alertrule/{rule.uid}/change/", rule.slug)
        for rule in found[:FOUND]
    ]


nav_items.register(
    NavItem(
        "alerts", "Alerts", "Telemetry", "admin:telemetry_rulestate_changelist", "bell", VIEW,
        142, "", _in_nav,
    )
)  # fmt: skip
nav_items.register(
    NavItem(
        "alert-rules", "Alert rules", "Telemetry", "admin:telemetry_alertrule_changelist",
        "filter", VIEW, 143,
    )
)  # fmt: skip
name_finders.register(NameFinder("telemetry.rules", "Alert rule", VIEW, _by_name))
home_rows.register(
    HomeRow(
        slug="telemetry.alerts",
        title="Alerts that fire",
        action=VIEW,
        rows=_waiting,
        count=_count,
        most=SHOWN,
        link="/admin/telemetry/rulestate/?status__exact=firing",
        order=15,
        last=_last,
        then="The last one was resolved",
        calm=_calm,
    )
)
