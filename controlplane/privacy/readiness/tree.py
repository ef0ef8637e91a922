"""Which files there are, and what stands in each. The names are the playbooks'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.access.models import Workspace
from controlplane.base.files import safe
from controlplane.lib.actors import Actor
from controlplane.lib.text import in_markdown
from controlplane.oncall.models import Schedule
from controlplane.oncall.roster import roster
from controlplane.privacy.compliance import periods, report
from controlplane.privacy.readiness import missions as of_missions
from controlplane.privacy.readiness import releases
from incidents.models import Runbook
from incidents.reviews.report import as_markdown
from incidents.runbooks import books, drilled
from missions.models import Meeting
from missions.shown import minutes
from missions.stages import get as stage_of
from telemetry import snapshots
from telemetry.models import HealthSnapshot

READINESS = "docs/readiness"
RUNBOOKS = f"{READINESS}/runbooks"
OPERATIONS = "docs/proposal/06-operations"
METRICS = "artifacts/operations/metrics"
METRIC_DAYS = 35
MOST_MEETINGS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """Of one workspace, as it stands at one moment."""

    workspace: Workspace
    actor: Actor
    now: datetime


File = tuple[str, str]


def files(workspace: Workspace, actor: Actor, now: datetime) -> dict[str, str]:
    """By path, in order. The same rows at the same moment make the same files."""
    asked = Asked(workspace, actor, now)
    found = dict(sorted(file for part in PARTS for file in part(asked)))
    index = f"{READINESS}/README.md"
    return dict(sorted({**found, index: _index(asked, list(found))}.items()))


def _index(asked: Asked, names: list[str]) -> str:
    lines = [
        f"# Readiness of {in_markdown(asked.workspace.name)}",
        "",
        f"As of {asked.now:%Y-%m-%d %H:%M} UTC, written by `manage.py export_readiness` from the"
        " rows of the control plane. What is changed here by hand is not overwritten; change it in"
        " the control plane.",
        "",
        *(f"- `{name}`" for name in names),
    ]
    return "\n".join(lines) + "\n"


def stages(asked: Asked) -> Iterator[File]:
    for name, text in of_missions.stage_files(asked.workspace):
        yield f"{READINESS}/{name}.md", text


def feedback(asked: Asked) -> Iterator[File]:
    for name, text in of_missions.feedback_files(asked.workspace):
        yield f"{READINESS}/feedback/{name}.md", text


def meetings(asked: Asked) -> Iterator[File]:
    """The stages they were about stand in the text, so that a search by stage finds them."""
    rows = Meeting.objects.filter(series__workspace=asked.workspace, closed_at__isnull=False)
    for row in rows.select_related("series").order_by("-planned_at", "-pk")[:MOST_MEETINGS]:
        tags = ", ".join(stage_of(slug).label for slug in row.stages) or "none"
        name = f"{row.planned_at:%Y-%m-%d}-{row.series.cadence}-{row.pk}"
        text = f"{minutes.written(row)}\nStages: {tags}\n"
        yield f"{READINESS}/ops_meeting_notes/{name}.md", text


def runbooks(asked: Asked) -> Iterator[File]:
    for row in books.every(asked.workspace.pk):
        if row.archived_at is None:
            text = drilled.with_log(row, asked.workspace.pk)
            # Also by its other names: the playbooks know some runbooks by what they ran on.
            for name in (row.slug, *row.aliases):
                yield f"{RUNBOOKS}/{safe(name)}.md", text
    rows = Runbook.objects.filter(workspace=asked.workspace, archived_at__isnull=False)
    for row in rows.select_related("current", "replaced_by").order_by("slug"):
        if row.current is not None:
            instead = f"Replaced by `{row.replaced_by.slug}`." if row.replaced_by else "Put away."
            text = f"{instead}\n\n{drilled.with_log(row, asked.workspace.pk)}"
            yield f"docs/archive/operations/{safe(row.slug)}.md", text


def incident_template(asked: Asked) -> Iterator[File]:
    sections = (
        "Summary", "Impact", "Timeline", "Root cause", "Remediation",
        "What went well, and what is to be better", "Action items", "Communications sent",
        "Evidence", "Approvals",
    )  # fmt: skip
    body = "\n\n".join(f"## {number}. {title}\n" for number, title in enumerate(sections, 1))
    text = "# Incident report\n\nINC-\n\n"
    yield f"{RUNBOOKS}/incident_template.md", f"{text}{body}"


def on_call(asked: Asked) -> Iterator[File]:
    rows = Schedule.objects.filter(workspace=asked.workspace).active()
    text = roster(list(rows.order_by("title", "id")), asked.now)
    yield "artifacts/support/on-call-roster.md", text
    yield f"{RUNBOOKS}/on_call_schedule.md", text


def metrics(asked: Asked) -> Iterator[File]:
    """The day's own snapshot; without one, the last that somebody took on that day."""
    since = asked.now - timedelta(days=METRIC_DAYS)
    rows = HealthSnapshot.objects.filter(workspace=asked.workspace, ends_at__gte=since)
    days: dict[str, HealthSnapshot] = {}
    for row in rows.select_related("workspace").order_by("taken_at", "pk"):
        day = f"{row.ends_at - timedelta(seconds=1):%Y-%m-%d}"
        known = days.get(day)
        if known is None or known.kind != "daily" or row.kind == "daily":
            days[day] = row
    for day, row in days.items():
        yield f"{METRICS}/{day}.md", snapshots.as_markdown(row, installation=False)


def compliance(asked: Asked) -> Iterator[File]:
    """The quarter that runs and the one before it."""
    now = periods.at(periods.QUARTERLY, asked.now, asked.workspace)
    last = periods.at(periods.QUARTERLY, now.start - timedelta(seconds=1), asked.workspace)
    for span in (last, now):
        made = report.document(
            asked.workspace, asked.actor, span, ref="Readiness", made_at=asked.now
        )
        text = as_markdown(made.document).decode()
        yield f"{READINESS}/compliance/{span.name}.md", text


def deployments(asked: Asked) -> Iterator[File]:
    for release, text in releases.release_files(asked.workspace):
        yield f"{READINESS}/{release}/README.md", text


def launch(asked: Asked) -> Iterator[File]:
    text = releases.launch_file(asked.workspace)
    if text:
        yield f"{OPERATIONS}/launch_readiness_and_handoff.md", text


def drills(asked: Asked) -> Iterator[File]:
    rows = drilled.rows_of(asked.actor, asked.workspace)
    yield f"{OPERATIONS}/runbook_drill_evidence.md", drilled.written(rows, "md")


PARTS: tuple[Callable[[Asked], Iterator[File]], ...] = (
    stages,
    feedback,
    meetings,
    runbooks,
    incident_template,
    on_call,
    metrics,
    compliance,
    deployments,
    launch,
    drills,
)
