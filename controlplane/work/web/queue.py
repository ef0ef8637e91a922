"""The ready queue of a person: what is yours, what you can begin now, the next one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.work import services, vocabulary
from controlplane.work.admin.filters import mine
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.services import graph
from controlplane.work.services.cycles import cycles as find_cycles
from controlplane.work.shown.words import item_button, item_url, state_of
from controlplane.work.web.common import items_here, page, projects_here, read_uid, show

SHOWN = 30
COUNTED = 999
LOOPS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@page
def queue(request: HttpRequest) -> HttpResponse:
    projects = list(projects_here(request)[:100])
    uid = read_uid(request.GET.get("project", ""))
    project = next((row for row in projects if row.uid == uid), None)
    if request.method == "POST":
        return _claim_next(request, project, projects)
    rows = items_here(request).queued()
    if project is not None:
        rows = rows.filter(project=project)
    ready = list(_counted(_in_order(rows.ready().filter(assignee="")))[:SHOWN])
    held = [_line(item) for item in _in_order(mine(rows, request).unfinished())[:SHOWN]]
    context = {
        "title": "Ready queue",
        "projects": projects,
        "project": project,
        "ready": [_line(item) for item in ready],
        "ready_count": _said(ready[0].counted if ready else 0),
        "held": held,
        "overdue": [_line(item) for item in _related(rows.overdue()).order_by("due_at")[:10]],
        # Only where nothing is ready and nothing theirs: is there any work at all?
        "any_work": bool(ready or held) or rows.unfinished().exists(),
        "can_add": policy.can(actor_of(request), "work.create", project or _any(projects)),
        "can_claim": policy.can(actor_of(request), "work.claim", project or _any(projects)),
    }
    return show(request, "queue.html", context)


def _any(projects: list[Project]) -> Project | None:
    return projects[0] if projects else None


def _related(rows: Any) -> Any:
    return rows.select_related("assignee_user", "project")


def _in_order(rows: Any) -> Any:
    return _related(rows).order_by("priority", "-created_at", "id")


def _counted(rows: Any) -> Any:
    """With how many there are of them on each: one question for both."""
    all_of_them = ArraySubquery(rows.order_by().values("pk")[: COUNTED + 1])
    number = Func(all_of_them, function="cardinality", output_field=IntegerField())
    return rows.annotate(counted=number)


def _said(number: int) -> str:
    return f"more than {COUNTED}" if number > COUNTED else str(number)


def _line(item: Item) -> dict[str, Any]:
    return {
        "item": item,
        "url": item_url(item),
        "state": state_of(item),
        "urgency": f"P{item.priority}",
        "claim": item_button(item, "claim"),
        "close": item_button(item, "close"),
    }


def _claim_next(
    request: HttpRequest, project: Project | None, projects: list[Project]
) -> HttpResponse:
    """The first of the queue as it is now, not as it was when the page was drawn."""
    at = project or _any(projects)
    if at is None:
        raise Invalid("There is no project here.")
    rows = items_here(request).filter(workspace_id=at.workspace_id).queued().ready()
    if project is not None:
        rows = rows.filter(project=project)
    item = services.claim_next(at, actor=actor_of(request), rows=rows)
    if item is None:
        messages.info(request, "Nothing is ready that nobody has.")
        return HttpResponseRedirect(request.get_full_path())
    messages.success(request, f"{item.key} is yours.")
    return HttpResponseRedirect(item_url(item))


@require_safe
@page
def cycles(request: HttpRequest) -> HttpResponse:
    """Looked for when the page is asked for. `?readiness=1` recomputes what is kept, too."""
    workspace = workspace_of(request)
    if workspace is not None:
        workspaces = [workspace]
    else:
        ids = actor_of(request).workspace_ids
        workspaces = list(Workspace.objects.open().filter(pk__in=ids).order_by("pk"))
    loops = [loop for one in workspaces for loop in find_cycles(one)[:LOOPS]]
    wrong = None
    if "readiness" in request.GET:
        wrong = sum(len(graph.mismatches(one.pk)) for one in workspaces)
    context = {"title": "Cycles", "loops": [_edges_of(loop) for loop in loops], "wrong": wrong}
    return show(request, "cycles.html", context)


def _edges_of(loop: list[Item]) -> list[dict[str, Any]]:
    """Every edge among these items: the ones to choose from, when one is to go."""
    ids = [item.pk for item in loop]
    rows = Dependency.objects.among(ids).filter(target_id__in=ids, kind__in=vocabulary.ORDERED)
    return [
        {
            "item": edge.item,
            "url": item_url(edge.item),
            "words": vocabulary.edge_of(edge.kind).forward,
            "target": edge.target,
            "target_url": item_url(edge.target),
        }
        for edge in rows.order_by("id")[:LOOPS]
    ]
