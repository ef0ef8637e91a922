"""What other parts bring to the agendas: what alerts, what waits for a signature, what is on its
way to production, what is planned, and which way figures go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.approvals import links as approval_links
from controlplane.approvals.models import Request
from controlplane.base.registries import kpis
from deployments import links as deployment_links
from deployments.canary import links as canary_links
from deployments.maintenance import links as window_links
from deployments.models import Deployment, Freeze, Launch, MaintenanceWindow, Rollout
from missions import links
from missions.learning import agenda
from missions.learning.agendas import since_before
from missions.models import Feedback, GovernanceFinding
from telemetry.kpis.periods import period_of
from telemetry.models import KpiValue, RuleState

Lines = Sequence[Mapping[str, Any]]
MOST = agenda.MOST + 1
QUARTER = timedelta(days=92)
# What the council looks at of telemetry.
TRENDS = (
    "measure.requests.error_rate", "measure.requests.p95", "measure.router.success_rate",
    "measure.tool.rate_limits", "measure.agent.error_rate", "measure.agent.p95",
    "measure.stage.completion", "measure.safeguard.violations",
)  # fmt: skip
MONTH = (
    "missions.throughput", "approvals.latency", "safeguards.escalation", "undo.success_rate",
    "feedback.participation_rate", "library.reuse_rate",
)  # fmt: skip


# --- What needs somebody today ------------------------------------------------------------------


def firing(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Alert rules that fire, the longest first."""
    rows = RuleState.objects.of(workspace_id).filter(status="firing").select_related("rule")
    return [
        {"title": row.rule.title, "text": row.rule.severity.capitalize(), "state": "Fires",
         "tone": "bad" if row.rule.severity == "critical" else "warn",
         "url": f"/admin/telemetry/alertrule/{row.rule.uid}/change/"}
        for row in rows.order_by("pk")[:MOST]
    ]  # fmt: skip


def to_sign(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """What waits for a signature, the one that is due first at the top."""
    rows = Request.objects.of(workspace_id).filter(status="open")
    return [
        {"title": f"{row.ref} {row.title}", "url": approval_links.page_of(row), "due": row.due_at,
         "state": "Late" if row.due_at and row.due_at < end else "Waits",
         "tone": "bad" if row.due_at and row.due_at < end else "neutral"}
        for row in rows.order_by("due_at", "pk")[:MOST]
    ]  # fmt: skip


def on_the_way(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Releases and canaries that have begun and are not over."""
    found: list[dict[str, Any]] = [
        {"title": f"{row.ref} {row.title}", "url": deployment_links.page_of(row),
         "state": row.get_status_display(), "tone": "info", "due": row.monitor_until}
        for row in Deployment.objects.of(workspace_id).under_way().order_by("pk")[:MOST]
    ]  # fmt: skip
    for row in Rollout.objects.of(workspace_id).watched().order_by("pk")[:MOST]:
        step = row.steps.filter(state__in=("running", "held")).first()
        found.append(
            {
                "title": f"{row.ref} {row.title}",
                "url": canary_links.page_of(row),
                "text": f"{step.percent} %" if step is not None else "",
                "state": row.get_status_display(),
                "tone": "info",
            }
        )
    return found[:MOST]


# --- The quarter --------------------------------------------------------------------------------


def calendar(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Releases, maintenance, freezes and launches of the next quarter, in their order."""
    until = end + QUARTER
    planned = Deployment.objects.of(workspace_id).open().filter(planned_at__range=(end, until))
    windows = MaintenanceWindow.objects.of(workspace_id).to_come()
    launches = Launch.objects.of(workspace_id).exclude(status="cancelled")
    found: list[dict[str, Any]] = [
        {"title": f"{row.ref} {row.title}", "url": deployment_links.page_of(row),
         "text": "Release", "due": row.planned_at, "state": row.get_status_display()}
        for row in planned.order_by("planned_at")[:MOST]
    ]  # fmt: skip
    found += [
        {"title": f"{row.ref} {row.title}", "url": window_links.window(row),
         "text": "Maintenance", "due": row.starts_at, "state": row.get_status_display()}
        for row in windows.filter(starts_at__range=(end, until)).order_by("starts_at")[:MOST]
    ]  # fmt: skip
    found += [
        {"title": row.title, "url": "/admin/deployments/freeze/", "due": row.starts_at,
         "text": f"Freeze until {row.ends_at:%Y-%m-%d}", "state": "Freeze", "tone": "warn"}
        for row in Freeze.objects.of(workspace_id).to_come(end).filter(starts_at__lt=until)
        .order_by("starts_at")[:MOST]
    ]  # fmt: skip
    found += [
        {"title": f"{row.ref} {row.title}", "text": "Launch", "due": row.launch_at,
         "url": f"/admin/deployments/launch/{row.uid}/change/", "state": row.get_status_display()}
        for row in launches.filter(launch_at__range=(end, until)).order_by("launch_at")[:MOST]
    ]  # fmt: skip
    return sorted(found, key=lambda each: each["due"])[:MOST]


# --- The council --------------------------------------------------------------------------------


def readiness(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """What governance finds missing of missions and of the workspace."""
    rows = GovernanceFinding.objects.of(workspace_id).filter(status="open")
    return [
        {"title": f"{row.rule} {row.about}".strip(), "text": row.text, "state": "Open",
         "tone": "warn", "url": "/admin/missions/governancefinding/", "due": row.first_seen}
        for row in rows.order_by("first_seen", "pk")[:MOST]
    ]  # fmt: skip


def unheard(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """The backlog of feedback: who was asked and has not answered, and what stood in the way of
    those who have."""
    rows = Feedback.objects.filter(mission__workspace=workspace_id).select_related("mission")
    waiting = rows.filter(status="asked").order_by("asked_at", "pk")
    blocked = rows.filter(status="given", answered_at__gte=start, answered_at__lt=end)
    found: list[dict[str, Any]] = [
        {"title": f"{row.mission.ref} {row.mission.title}", "text": row.blockers[:300],
         "url": links.feedback_of(row.mission), "state": "In the way", "tone": "warn"}
        for row in blocked.exclude(blockers="").order_by("-answered_at", "pk")[:MOST]
    ]  # fmt: skip
    found += [
        {"title": f"{row.mission.ref} {row.mission.title}", "state": "Asked", "tone": "neutral",
         "text": f"Asked on {row.asked_at:%Y-%m-%d}, no answer yet",
         "url": links.feedback_of(row.mission)}
        for row in waiting[:MOST]
    ]  # fmt: skip
    return found[:MOST]


# --- Which way figures go -----------------------------------------------------------------------


def changes(*slugs: str) -> agenda.Items:
    """The last whole period of each figure that has a value, and what lies between it and the one
    before; of a figure that is new, the period that runs."""

    def items(workspace_id: int, start: datetime, end: datetime) -> Lines:
        found = []
        for slug in slugs:
            kpi = kpis.get(slug)
            if kpi is None:
                continue
            rows = KpiValue.objects.of(workspace_id).filter(kpi=slug, value__isnull=False)
            rows = rows.filter(start__lt=end).order_by("-start")
            running = period_of(kpi.cadence, end).start
            row = rows.exclude(start=running).first() or rows.first()
            if row is None:
                continue
            text = f"{row.value or 0.0:,.1f} {kpi.unit}".strip() + since_before(row)
            tone = {"met": "good", "missed": "bad"}.get(row.state, "neutral")
            state = row.get_state_display()
            if row.start == running:  # nobody has missed what runs still
                tone, state = "neutral", "So far"
            found.append({"title": kpi.title, "text": text, "url": kpi.link, "tone": tone,
                          "state": state})  # fmt: skip
        return found

    return items


def register() -> None:
    add = agenda.section
    daily = ("standup", "ops_sync")
    add("missions.firing", daily, "Alerts that fire", items=firing, order=4)
    add("missions.to_sign", "standup", "Waits for a signature", items=to_sign, order=18)
    add("missions.on_the_way", daily, "Releases and canaries on their way", items=on_the_way,
        order=24)  # fmt: skip
    add("missions.calendar", "planning", "The next quarter", items=calendar, order=5)
    add("missions.readiness", "council", "Readiness evidence that is missing", items=readiness,
        order=22)  # fmt: skip
    add("missions.unheard", ("council", "retro"), "Backlog of feedback", items=unheard, order=24)
    add("missions.trends", "council", "Trends of telemetry", items=changes(*TRENDS), order=50)
    add("missions.deltas", "retro", "Key figures and how they changed", items=changes(*MONTH),
        order=42)  # fmt: skip
