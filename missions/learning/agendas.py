"""What missions put on the agendas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, Q, Sum
from django.utils.text import capfirst

from controlplane.access.policy import role_label
from controlplane.approvals import links as approval_links
from controlplane.approvals.models import Request
from controlplane.base.registries import kpis
from controlplane.work.models import Item
from missions import links, stages
from missions.learning import agenda, lookups
from missions.models import (
    Asset,
    Feedback,
    FollowUp,
    Meeting,
    Mission,
    Override,
    PolicyTemplate,
    Retrospective,
    StageVisit,
    TrainingItem,
    UndoPlan,
    Violation,
)
from telemetry.kpis import newest
from telemetry.models import KpiValue

Lines = Sequence[Mapping[str, Any]]
MOST = agenda.MOST + 1
LIBRARY = "/admin/missions/asset/"
TRAINING = "/admin/missions/trainingitem/"
_ALL = ("standup", "ops_sync", "support", "council", "retro", "planning")
_STATES = {
    "met": ("Met", "good"),
    "missed": ("Missed", "bad"),
    "low_sample": ("Too few to judge", "neutral"),
    "no_data": ("No data", "neutral"),
    "untargeted": ("No target", "neutral"),
}


def _mission(row: Mission, **more: Any) -> dict[str, Any]:
    return {"title": f"{row.ref} {row.title}", "url": links.page_of(row), **more}


# --- Stand-up -----------------------------------------------------------------------------------


def held_up(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Paused missions, the longest first."""
    rows = Mission.objects.of(workspace_id).filter(status="paused").order_by("paused_at")
    return [
        _mission(row, text=row.pause_reason, state="Paused", tone="warn", due=None,
                 note=stages.get(row.stage).label)
        for row in rows[:MOST]
    ]  # fmt: skip


def by_stage(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """How many stand where."""
    rows = Mission.objects.of(workspace_id).under_way().order_by()
    counted = {each["stage"]: each for each in rows.values("stage").annotate(
        n=Count("pk"), held=Count("pk", filter=Q(status="paused")))}  # fmt: skip
    found = []
    for stage in stages.STAGES.values():
        one = counted.get(stage.slug, {"n": 0, "held": 0})
        held = f", {one['held']} of them paused" if one["held"] else ""
        found.append(
            {
                "title": stage.label,
                "text": f"{one['n']} mission{'' if one['n'] == 1 else 's'}{held}",
            }
        )
    return found


def alerts(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Safeguards that hold a mission now."""
    rows = Violation.objects.open().filter(mission__workspace=workspace_id)
    return [
        _mission(row.mission, text=f"A safeguard holds it: {row.get_severity_display().lower()}",
                 url=links.findings_of(row.mission), state="Open", tone="bad")
        for row in rows.select_related("mission").order_by("pk")[:MOST]
    ]  # fmt: skip


def undo_readiness(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Missions that execute, and whether what they change can be taken back."""
    rows = UndoPlan.objects.filter(
        play__status="selected", play__mission__workspace=workspace_id,
        play__mission__stage="execute_observe", play__mission__status__in=["active", "paused"],
    ).select_related("play__mission")  # fmt: skip
    found = []
    for plan in rows.order_by("pk")[:MOST]:
        tested = plan.tested_at is not None
        found.append(
            _mission(
                plan.play.mission,
                text=f"{plan.label}: {'tested' if tested else 'never tested'}",
                state=plan.get_status_display(),
                tone="good" if tested and plan.status == "ready" else "warn",
                due=plan.deadline_at,
            )
        )
    return found


# --- Weekly ops sync ----------------------------------------------------------------------------


def throughput(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Per stage: how many left it in this time, and how many of them went back."""
    rows = StageVisit.objects.filter(
        mission__workspace=workspace_id, left_at__gte=start, left_at__lt=end
    ).order_by()
    counted = {each["stage"]: each for each in rows.values("stage").annotate(
        done=Count("pk", filter=Q(outcome="completed")),
        back=Count("pk", filter=Q(outcome="sent_back")))}  # fmt: skip
    found = []
    for stage in stages.STAGES.values():
        one = counted.get(stage.slug, {"done": 0, "back": 0})
        back = f", {one['back']} sent back" if one["back"] else ""
        found.append({"title": stage.label, "text": f"{one['done']} completed{back}"})
    return found


def waiting(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Checkpoints past their target time."""
    rows = Request.objects.filter(
        workspace=workspace_id, owner="missions.checkpoint", status="open", due_at__lt=end
    )
    return [
        {"title": f"{row.ref} {row.title}", "url": approval_links.page_of(row),
         "text": "Waits for signatures", "state": "Late", "tone": "bad", "due": row.due_at}
        for row in rows.order_by("due_at")[:MOST]
    ]  # fmt: skip


# --- Governance council -------------------------------------------------------------------------


def escalations(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = Violation.objects.filter(
        mission__workspace=workspace_id, opened_at__gte=start, opened_at__lt=end
    ).select_related("mission")
    return [
        _mission(row.mission, text=f"Severity {row.get_severity_display().lower()}",
                 url=links.findings_of(row.mission), state=row.get_status_display(),
                 tone="bad" if row.status == "open" else "good")
        for row in rows.order_by("pk")[:MOST]
    ]  # fmt: skip


def let_pass(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = Override.objects.filter(
        mission__workspace=workspace_id, decided_at__gte=start, decided_at__lt=end
    ).select_related("mission")
    return [
        _mission(row.mission, text=f"{row.get_kind_display()}: {row.reason}",
                 state=row.get_status_display(), due=row.expires_at)
        for row in rows.order_by("pk")[:MOST]
    ]  # fmt: skip


def templates(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = PolicyTemplate.objects.of(workspace_id).filter(changed_at__gte=start, changed_at__lt=end)
    return [
        {"title": row.title, "text": f"Version {row.number}", "who": "",
         "url": f"/admin/missions/policytemplate/{row.pk}/change/",
         "state": "Retired" if row.is_retired else "Changed"}
        for row in rows.order_by("pk")[:MOST]
    ]  # fmt: skip


# --- Monthly retrospective ----------------------------------------------------------------------


def insights(workspace_id: int, start: datetime, end: datetime) -> Lines:
    said = Feedback.objects.filter(
        mission__workspace=workspace_id, answered_at__gte=start, answered_at__lt=end
    ).aggregate(
        given=Count("pk", filter=Q(status="given")),
        declined=Count("pk", filter=Q(status="declined")),
        rating=Avg("rating", filter=Q(status="given")),
        minutes=Sum("effort_saved_minutes", filter=Q(status="given")),
    )
    if not said["given"] and not said["declined"]:
        return []
    rating = f"{float(said['rating']):.1f} of 5" if said["rating"] is not None else "–"
    hours = (said["minutes"] or 0) / 60
    return [
        {"title": "Answers", "text": f"{said['given']} given, {said['declined']} declined"},
        {"title": "Rating", "text": rating},
        {"title": "Effort saved", "text": f"{hours:,.1f} h"},
    ]


def reusable(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """What a curator called reusable and nobody made an asset of."""
    rows = Retrospective.objects.filter(
        visit__mission__workspace=workspace_id, reuse__in=["reusable", "adapt"],
        visit__mission__assets__isnull=True,
    ).select_related("visit__mission")  # fmt: skip
    return [
        _mission(row.mission, text=row.reuse_reason, state=row.get_reuse_display(), tone="info",
                 url=links.retrospective_of(row.mission))
        for row in rows.order_by("-pk")[:MOST]
    ]  # fmt: skip


def most_used(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = lookups.with_counts(Asset.objects.of(workspace_id).published())
    found = rows.filter(used__gt=0).order_by("-used", "-pk")[:10]
    return [
        {"title": row.title, "url": links.asset_page(row), "text": f"Used by {row.used}"}
        for row in found
    ]


# --- Quarterly planning -------------------------------------------------------------------------


def training(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = TrainingItem.objects.of(workspace_id).open().order_by()
    counted = rows.values("role").annotate(
        n=Count("pk"), late=Count("pk", filter=Q(due_on__lt=end.date()))
    )
    return [
        {"title": role_label(each["role"]), "url": f"{TRAINING}?role={each['role']}",
         "text": f"{each['n']} open" + (f", {each['late']} late" if each["late"] else ""),
         "tone": "warn" if each["late"] else "neutral"}
        for each in counted.order_by("-n", "role")[:MOST]
    ]  # fmt: skip


def backlog(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """The operations backlog, what does most for the least first."""
    rows = Item.objects.filter(workspace=workspace_id, in_backlog=True).exclude(category="done")
    rows = rows.exclude(impact=None).order_by("-impact", "effort", "priority", "pk")
    return [
        {"title": f"{row.key} {row.title}", "url": links.item_page(row),
         "text": f"Impact {row.impact}, effort {row.effort or '–'}",
         "note": stages.get(row.stage).label if row.stage in stages.SLUGS else ""}
        for row in rows[:MOST]
    ]  # fmt: skip


# --- In all of them -----------------------------------------------------------------------------


def follow_ups(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """What was taken on before and is not done, the latest first."""
    rows = FollowUp.objects.of(workspace_id).open().select_related("item", "owner")
    found = []
    for row in rows.order_by("due_on", "pk")[:MOST]:
        late = row.due_on < end.date()
        found.append(
            {
                "title": row.title,
                "url": links.item_page(row.item) if row.item is not None else "",
                "state": "Late" if late else "Open",
                "tone": "bad" if late else "info",
                "due": row.due_on,
                "who": row.owner.name or row.owner.email,
            }
        )
    return found


def since_before(row: KpiValue) -> str:
    """The change against the last period before that has a value."""
    rows = KpiValue.objects.of(row.workspace_id).filter(kpi=row.kpi, value__isnull=False)
    known = rows.filter(start__lt=row.start).order_by("-start").first()
    if known is None or row.value is None:
        return ""
    return f", {row.value - (known.value or 0.0):+,.1f} since {known.start:%Y-%m-%d}"


def not_held(workspace_id: int, start: datetime, end: datetime) -> Lines:
    rows = Meeting.objects.of(workspace_id).missed().filter(planned_at__gte=start)
    return [
        {"title": str(row), "url": links.meeting_page(row), "state": "Not held", "tone": "warn"}
        for row in rows.filter(planned_at__lt=end).select_related("series").order_by("pk")[:MOST]
    ]  # fmt: skip


def figures(*slugs: str) -> agenda.Items:
    """The last whole period of these key figures, and what lies between it and the one before."""

    def items(workspace_id: int, start: datetime, end: datetime) -> Lines:
        known = newest(workspace_id)
        found = []
        for slug in slugs:
            kpi, row = kpis.get(slug), known.get(slug)
            if kpi is None:
                continue
            value = f"{row.value:,.1f} {kpi.unit}" if row and row.value is not None else "No data"
            value += since_before(row) if row else ""
            words, tone = _STATES[row.state] if row else _STATES["no_data"]
            side = "≥" if kpi.better == "higher" else "≤"
            target = f", target {side} {kpi.target:g} {kpi.unit}" if kpi.target is not None else ""
            found.append({"title": kpi.title, "text": f"{value}{target}".strip() + ".",
                          "state": words, "tone": tone, "note": capfirst(row.note) if row else "",
                          "url": kpi.link})  # fmt: skip
        return found

    return items


def register() -> None:
    add = agenda.section
    add("missions.stages", ("standup", "ops_sync"), "Missions by stage", items=by_stage, order=10)
    add("missions.held", ("standup", "ops_sync"), "Paused", items=held_up, order=12)
    add("missions.alerts", "standup", "Validator alerts", items=alerts, order=14)
    add("missions.undo", "standup", "Undo readiness", items=undo_readiness, order=16)
    add("missions.throughput", "ops_sync", "Stage throughput", items=throughput, order=11)
    add("missions.waiting", ("ops_sync", "council"), "Checkpoints that are late", items=waiting,
        order=20)  # fmt: skip
    add("missions.escalations", "council", "Escalations", items=escalations, order=10)
    add("missions.let_pass", "council", "Let pass", items=let_pass, order=12)
    add("missions.templates", "council", "Policy templates", items=templates, order=14)
    add("missions.insights", "retro", "Feedback", items=insights, order=10)
    add("missions.reusable", "retro", "To make assets of", items=reusable, order=12)
    add("missions.most_used", ("retro", "planning"), "Most used of the library", items=most_used,
        order=14)  # fmt: skip
    add("missions.training", ("retro", "planning"), "Training backlog", items=training, order=30)
    add("missions.backlog", "planning", "Operations backlog", items=backlog, order=10)
    add("missions.figures.ops_sync", "ops_sync", "Key figures of the week",
        items=figures("missions.throughput", "approvals.latency"), order=40)  # fmt: skip
    add("missions.figures.council", "council", "Key figures of two weeks",
        items=figures("safeguards.escalation", "undo.success_rate", "approvals.latency"),
        order=40)  # fmt: skip
    add("missions.figures.retro", "retro", "Key figures of the month",
        items=figures("feedback.participation_rate", "library.reuse_rate"), order=40)  # fmt: skip
    six = ("missions.throughput", "approvals.latency", "safeguards.escalation",
           "undo.success_rate", "feedback.participation_rate", "library.reuse_rate")  # fmt: skip
    add("missions.figures.planning", "planning", "Key figures", items=figures(*six), order=40)
    add("missions.not_held", _ALL[1:], "Meetings that were not held", items=not_held, order=78)
    add("missions.followups", _ALL, "Open follow-ups", items=follow_ups, order=80)
