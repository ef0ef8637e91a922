"""What the governance check asks of changes and of what follows incidents: G13, G14, and of G9 that
what was paused for an incident goes on after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from controlplane.base.rulebook import Answer, Found, answer
from controlplane.lib import defaults
from deployments.flags.models import FlagChange
from deployments.models import Deployment, MaintenanceWindow
from incidents.models import Action, Incident, ReviewAction
from incidents.querysets import OVER
from missions.gates.looking import Look
from missions.governance import BOOK, Scope
from missions.governance.kinds import more, under_way

SINCE = defaults.define(
    "governance.changes_days",
    30,
    unit="days",
    why="A month: what was changed earlier was asked about when it was new.",
)
_NAMED = 5
_PRODUCTION = "production"


def _told(noun: str, rows: QuerySet[Any], lacks: str, name: str = "ref") -> Iterator[Found]:
    """One finding for each kind: it names the first and counts all."""
    total = rows.count()
    if total:
        named = ", ".join(map(str, rows.values_list(name, flat=True)[:_NAMED]))
        rest = f" and {total - _NAMED} more" if total > _NAMED else ""
        yield Found(noun, f"{lacks}: {named}{rest}.", total)


@BOOK.provide("G13")
def anchored(scope: Scope) -> Answer:
    """Each deployment, incident, window and switched flag of production has a work item, or the
    runbook that it went by."""
    return answer(_adrift(scope))


def _adrift(scope: Scope) -> Iterator[Found]:
    here, since = {"workspace": scope.workspace.pk}, scope.now - timedelta(days=SINCE.value)
    deployments = Deployment.objects.filter(**here, item=None, created_at__gte=since)
    yield from _told(
        "deployments", deployments.exclude(status__in=["draft", "cancelled"]).order_by("-pk"),
        "Deployed for no work item",
    )  # fmt: skip
    incidents = Incident.objects.filter(**here, item=None, runbook="", opened_at__gte=since)
    yield from _told(
        "incidents", incidents.filter(runbook_runs=None).order_by("-pk"),
        "Neither a work item nor a runbook",
    )  # fmt: skip
    windows = MaintenanceWindow.objects.filter(**here, item=None, created_at__gte=since)
    yield from _told(
        "windows", windows.exclude(status__in=["draft", "cancelled"]).order_by("-pk"),
        "Worked on for no work item",
    )  # fmt: skip
    changes = FlagChange.objects.filter(**here, item="", flag__item=None, at__gte=since)
    changes = changes.exclude(kind__in=["create", "archive", "restore"])
    changes = changes.filter(Q(environment=None) | Q(environment__slug=_PRODUCTION))
    yield from _told(
        "flags", changes.order_by("-pk"), "Switched for no work item", "flag__flag_name"
    )


@BOOK.provide("G14")
def followed_up(scope: Scope) -> Answer:
    return answer(_owed(scope))


def _owed(scope: Scope) -> Iterator[Found]:
    here = scope.workspace.pk
    late = Incident.objects.filter(
        workspace=here, status__in=["resolved", "review_pending"], review_due_at__lt=scope.now
    ).exclude(review__status="published", review__published_at__gte=F("resolved_at"))
    yield from _told("reviews", late.order_by("review_due_at"), "The review is late")
    papers = Deployment.objects.filter(
        workspace=here, kind="hotfix", documented_at=None, docs_due_at__lt=scope.now
    )
    yield from _told("hotfixes", papers.order_by("docs_due_at"), "The documentation is late")
    actions = ReviewAction.objects.standing().filter(review__workspace=here)
    actions = actions.exclude(item__category="done").order_by("pk")
    ref = "review__incident__ref"
    yield from _told("owners", actions.filter(owner=None), "Actions that nobody owns, of", ref)
    overdue = actions.filter(due_on__lt=scope.now.date())
    yield from _told("actions", overdue, "Actions past their day, of", ref)


@more("G9", under_way)
def goes_on(look: Look) -> Iterable[str]:
    """Paused for an incident that is over: nobody lets it go on by itself."""
    if look.mission.status != "paused":
        return
    rows = Action.objects.filter(
        workspace=look.mission.workspace_id, kind=Action.Kind.PAUSE_MISSIONS, status="done",
        undoes=None, incident__status__in=OVER,
    )  # fmt: skip
    held = rows.exclude(undone_by__status="done").select_related("incident")
    for each in held.filter(ended_at__gte=look.mission.paused_at).order_by("pk")[:_NAMED]:
        if look.mission.ref in _paused_by(each):
            yield f"Paused for {each.incident.ref}, which is over: take that back."
            return


def _paused_by(action: Action) -> list[str]:
    return [str(ref) for ref in action.made.get("missions", [])]
