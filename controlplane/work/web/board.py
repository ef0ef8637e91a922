"""The board. Cards move by their menu, which is a form: by mouse, keyboard and thumb alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work import services, vocabulary
from controlplane.work.models import Item, Project
from controlplane.work.shown import board as shown
from controlplane.work.shown.words import item_button, status_words
from controlplane.work.web.common import back, item_of, page, projects_here, read_uid, show, tried


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    projects = list(projects_here(request)[:100])
    project = _chosen(request, projects)
    staged = _is_staged(request, project)
    # The project is one the person may see: asked by it alone, an index answers.
    rows = Item.objects.filter(project=project)
    columns = shown.by_stage(rows) if staged else shown.by_status(rows, project)
    for column in columns:
        asked = {"stage" if staged else "status": column.slug, "project": str(project.uid)}
        column.link = f"{reverse('admin:work_item_changelist')}?{urlencode(asked)}"
    context: dict[str, Any] = {
        "title": "Board",
        "projects": projects,
        "project": project,
        "staged": staged,
        "columns": columns,
        "moves": _moves(project, staged),
        "matrix": shown.matrix(rows) if staged else None,
        "may_move": policy.can(actor_of(request), "work.update", project),
        "may_add": policy.can(actor_of(request), "work.create", project),
        "add_query": urlencode({"project": project.pk, **({"in_backlog": "1"} if staged else {})}),
    }
    return show(request, "board.html", context)


def _chosen(request: HttpRequest, projects: list[Project]) -> Project:
    """The project that is asked for, else the playbook's backlog."""
    asked = request.GET.get("project", "")
    if asked:
        uid = read_uid(asked)
        found = next((row for row in projects if row.uid == uid), None)
    else:
        found = next((row for row in projects if row.is_operations), None)
        found = found or next(iter(projects), None)
    if found is None:
        raise NotFound("No such project.")
    return found


def _is_staged(request: HttpRequest, project: Project) -> bool:
    return request.GET.get("by", "stage" if project.is_operations else "status") == "stage"


def _moves(project: Project, staged: bool) -> list[tuple[str, str]]:
    if staged:
        return list(vocabulary.STAGES.items())
    names = ["open", "in_progress", "blocked", "deferred", *project.custom_statuses]
    return [(name, status_words(name)) for name in names]


@require_POST
@page
def move(request: HttpRequest) -> HttpResponse:
    item = item_of(request, read_uid(posted(request, "item", 36)) or _nothing())
    to, actor = posted(request, "to", 50), actor_of(request)
    if to in vocabulary.STAGES:
        words = vocabulary.STAGES[to]
        tried(
            request,
            f"{item.key} is in {words} now.",
            lambda: services.update_item(item, actor=actor, stage=to),
        )
    elif to == "closed":  # it asks for a reason first
        return HttpResponseRedirect(item_button(item, "close"))
    elif to == "deferred":
        tried(request, f"{item.key} is put off.", lambda: services.defer_item(item, actor=actor))
    else:
        tried(
            request,
            f"{item.key} is {status_words(to).lower()} now.",
            lambda: services.update_item(item, actor=actor, status=to),
        )
    return back(request, reverse("work:board"))


def _nothing() -> Any:
    raise Invalid("Name the item that moves.")
