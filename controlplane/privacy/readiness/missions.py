"""What missions left at each stage: the five files that the stages name, and feedback."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.access.models import Workspace
from controlplane.access.naming import names_of
from controlplane.lib.text import in_markdown
from missions import stages
from missions.models import Feedback, StageVisit

MOST = 200  # missions of one stage; the newest tell enough


def stage_files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Each stage with its check-list, and every mission that was there: who ticked, who signed."""
    for stage in stages.STAGES.values():
        rows = StageVisit.objects.filter(mission__workspace=workspace, stage=stage.slug)
        rows = rows.select_related("mission", "approval").prefetch_related("ticks")
        visits = list(rows.order_by("-entered_at", "-pk")[:MOST])
        names = names_of({tick.by for visit in visits for tick in visit.ticks.all()})
        lines = [f"# {stage.label}: {stage.evidence.title}", "", "## Check-list", ""]
        lines += [f"- {in_markdown(line.title)}" for line in stage.checklist]
        lines += ["", "## Missions", ""]
        for visit in visits:
            lines += [*_visit(visit, names), ""]
        if not visits:
            lines += ["None was here yet.", ""]
        yield stage.evidence.slug, "\n".join(lines)


def _visit(visit: StageVisit, names: dict[str, str]) -> Iterator[str]:
    again = f", attempt {visit.attempt}" if visit.attempt > 1 else ""
    yield f"### {visit.mission.ref} {in_markdown(visit.mission.title)}{again}"
    yield ""
    left = f"{visit.left_at:%Y-%m-%d %H:%M}" if visit.left_at else "still here"
    yield f"- From {visit.entered_at:%Y-%m-%d %H:%M} UTC to {left}: {visit.get_outcome_display()}"
    if visit.approval is not None:
        state = visit.approval.get_status_display().lower()
        yield f"- Signatures: {visit.approval.ref}, {state}, SHA-256 `{visit.approval.sha256}`"
    standing = [tick for tick in visit.ticks.all() if tick.retracted_at is None]
    for tick in sorted(standing, key=lambda each: (each.at, each.pk)):
        line = visit.definition.line(tick.line)
        what = in_markdown(line.title) if line else tick.line
        note = f": {in_markdown(tick.note)}" if tick.note else ""
        who = in_markdown(names.get(tick.by, tick.by))
        yield f"- [x] {what} ({who}, {tick.at:%Y-%m-%d}){note}"
    for each in visit.evidence:
        yield f"- Evidence: {in_markdown(str(each.get('label', '')))} <{_plain(each)}>"


def _plain(each: dict[str, object]) -> str:
    return "".join(str(each.get("link", "")).split()).replace("<", "%3C").replace(">", "%3E")


def feedback_files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """One file for each mission that somebody answered about; nobody is named."""
    rows = Feedback.objects.filter(mission__workspace=workspace, answered_at__isnull=False)
    found: dict[str, list[str]] = {}
    for row in rows.select_related("mission").order_by("mission_id", "answered_at", "pk"):
        head = f"# Feedback on {row.mission.ref} {in_markdown(row.mission.title)}"
        lines = found.setdefault(str(row.mission.ref), [head])
        lines += ["", f"## {row.answered_at:%Y-%m-%d}", ""]
        if row.rating is not None:
            lines.append(f"- Rating: {row.rating} of 5")
        if row.effort_saved_minutes is not None:
            lines.append(f"- Effort saved: {row.effort_saved_minutes / 60:.1f} h")
        lines += [
            f"- {name}: {in_markdown(' '.join(text.split()))}"
            for name, text in (("Blockers", row.blockers), ("In words", row.text))
            if text
        ]
    for ref, lines in found.items():
        yield ref, "\n".join(lines) + "\n"
