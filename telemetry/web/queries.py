"""Saved questions: the list, one with its answer, keeping one of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from telemetry import queries
from telemetry.dashboards.drawing import label_of
from telemetry.dashboards.export import handed_out
from telemetry.measures import MEASURES
from telemetry.models.rollups import DIMENSIONS
from telemetry.queries import LAST, TIME, WINDOWS, Query, Question, Table
from telemetry.shown import times
from telemetry.shown.amounts import amount
from telemetry.web.common import onwards, page, show, workspace_shown

DRAWN = 30
FORMS = ("csv", "json")


@require_safe
@page
def index(request: HttpRequest) -> HttpResponse:
    workspace, actor = workspace_shown(request), actor_of(request)
    found = queries.queries_of(actor, workspace)
    text = request.GET.get("q", "").replace("\x00", "").strip().lower()[:100]
    shown = [each for each in found if text in f"{each.title} {each.about} {each.slug}".lower()]
    context: dict[str, Any] = {
        "title": "Saved queries",
        "workspace": workspace,
        "text": text,
        "own": [each for each in shown if not each.shipped],
        "shipped": [each for each in shown if each.shipped],
    }
    return show(request, "telemetry/queries.html", context, {})


@require_safe
@page
def query(request: HttpRequest, slug: str) -> HttpResponse:
    workspace, actor = workspace_shown(request), actor_of(request)
    found = queries.find(slug, actor, workspace)
    given = _given(request, found)
    table, wrong = _answer(request, found, workspace, given)
    form = request.GET.get("format", "")
    if form in FORMS and table is not None:
        return _file(found, table, form)
    context: dict[str, Any] = {
        "title": found.title,
        "query": found,
        "workspace": workspace,
        "table": table,
        "wrong": wrong,
        "chart": _chart(found, table) if table is not None else None,
        "heads": _heads(table) if table is not None else [],
        "rows": _rows(table) if table is not None else [],
        "fields": _fields(found, given),
        "windows": list(WINDOWS),
        "window": given.get(LAST) or found.question.window,
        "asked": ", ".join(one.title for one in found.question.known()),
        "files": [(each.upper(), _file_url(request, each)) for each in FORMS],
        "may_keep": policy.can(actor, queries.ACTION, workspace) if workspace else None,
        "about_installation": found.installation,
        "api": f"GET /api/v1/telemetry/queries/{found.slug}?{LAST}={found.question.window}",
    }
    return show(request, "telemetry/query.html", context, {"answer": "telemetry/_query.html"})


def _given(request: HttpRequest, found: Query) -> dict[str, str]:
    """The parameters in the address; what is none of this query's is passed over."""
    names = {each.name for each in found.question.parameters} | {LAST}
    given = {name: request.GET.get(name, "").replace("\x00", "")[:1000] for name in names}
    return {name: value for name, value in given.items() if value}


def _answer(
    request: HttpRequest, found: Query, workspace: Workspace | None, given: Mapping[str, str]
) -> tuple[Table | None, str]:
    about = None if found.installation else workspace
    try:
        return queries.run(found, actor_of(request), about, given), ""
    except Invalid as error:
        said = " ".join(str(text) for text in error.details.values())
        return None, f"{error.message} {said}".strip()


def _file(found: Query, table: Table, form: str) -> HttpResponse:
    made: HttpResponse
    if form == "csv":
        made = HttpResponse(queries.as_csv(table), content_type="text/csv; charset=utf-8")
    else:
        made = JsonResponse({"query": found.slug, **queries.as_data(table)})
    return handed_out(made, f"{found.slug}.{form}")


def _file_url(request: HttpRequest, form: str) -> str:
    asked = request.GET.items()
    kept = {name: str(value) for name, value in asked if name not in {"format", "_part"}}
    return times.linked(request.path, {**kept, "format": form})


def _fields(found: Query, given: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "label": each.label or each.name.replace("_", " ").capitalize(),
            "value": given.get(each.name, ""),
            "options": each.options,
            "hint": each.default or "all of them",
        }
        for each in found.question.parameters
    ]


def _heads(table: Table) -> list[dict[str, Any]]:
    return [{"label": one.label, "number": _is_figure(one.name)} for one in table.columns]


def _is_figure(name: str) -> bool:
    return name not in {TIME, *DIMENSIONS, "stage_legacy"}


def _rows(table: Table) -> list[list[dict[str, Any]]]:
    return [
        [
            {"text": _text(cell, one), "number": _is_figure(one.name), "at": _moment(cell)}
            for cell, one in zip(row, table.columns, strict=True)
        ]
        for row in table.rows
    ]


def _moment(cell: Any) -> datetime | None:
    return cell if isinstance(cell, datetime) else None


def _text(cell: Any, column: Any) -> str:
    if _is_figure(column.name):
        return amount(cell, column.unit)
    return label_of(str(cell)) if column.name != TIME else str(cell)


def _chart(found: Query, table: Table) -> Mapping[str, Any] | None:
    """The first figure over time or by group; nothing where there is only one number."""
    by = found.question.group_by
    if not by or not table.rows or len(table.columns) < 2:
        return None
    # Figures of one unit share an axis.
    unit = table.columns[1].unit
    alike = [n for n, one in enumerate(table.columns) if n and _is_figure(one.name)]
    alike = [n for n in alike if table.columns[n].unit == unit]
    common = {"title": found.title, "heading": False, "unit": unit}
    if by == TIME:
        lines = [
            {"name": table.columns[n].label, "points": [(row[0], row[n]) for row in table.rows]}
            for n in alike
        ]
        return {**common, "kind": "line", "series": lines}
    rows = table.rows[:DRAWN]
    values = [
        {"name": table.columns[n].label, "values": [row[n] for row in rows]} for n in alike[:3]
    ]
    names = [label_of(str(row[0])) for row in rows]
    return {**common, "kind": "bar", "horizontal": True, "categories": names, "series": values}


# --- Keeping one ------------------------------------------------------------------------------


@require_safe
@page
def new(request: HttpRequest) -> HttpResponse:
    """The form; with `?of=` it begins as that query is."""
    workspace, actor = workspace_shown(request), actor_of(request)
    _require_keeper(actor, workspace)
    like = request.GET.get("of", "")[:50]
    base = queries.find(like, actor, workspace).question if like else Question(("tool.calls",))
    return _form(request, workspace, _filled(base), "")


@require_POST
@page
def keep(request: HttpRequest) -> HttpResponse:
    workspace, actor = workspace_shown(request), actor_of(request)
    _require_keeper(actor, workspace)
    sent = {
        "title": request.POST.get("title", "").strip()[:120],
        "about": request.POST.get("about", "").strip()[:400],
        "measures": request.POST.getlist("measures")[:20],
        "group_by": request.POST.get("group_by", "")[:30],
        "window": request.POST.get("window", "1h")[:10],
        "parameters": request.POST.getlist("parameters")[:20],
    }
    question = {
        "measures": sent["measures"],
        "group_by": sent["group_by"],
        "window": sent["window"],
        "parameters": [{"name": name} for name in sent["parameters"]],
    }
    try:
        row = queries.create_query(
            workspace,  # type: ignore[arg-type]
            actor=actor,
            slug=_slug(str(sent["title"])),
            title=str(sent["title"]),
            about=str(sent["about"]),
            question=question,
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        said = " ".join(str(text) for text in error.details.values())
        return _form(request, workspace, sent, f"{error.message} {said}".strip())
    messages.success(request, f"“{row.title}” is kept.")
    return HttpResponseRedirect(onwards(request, reverse("telemetry:query", args=(row.slug,))))


@require_POST
@page
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    workspace, actor = workspace_shown(request), actor_of(request)
    row = queries.row_of(slug, actor, workspace)
    queries.remove_query(row, actor=actor)
    messages.success(request, f"“{row.title}” is removed.")
    return HttpResponseRedirect(onwards(request, reverse("telemetry:queries")))


def _slug(title: str) -> str:
    """Its name in addresses; never that of the form."""
    slug = slugify(title)[:50].strip("-_") or "query"
    return f"{slug}-query" if slug in {"new", "keep"} else slug


def _require_keeper(actor: Any, workspace: Workspace | None) -> None:
    if workspace is None:
        raise Invalid("Choose a workspace first: queries are kept there.")
    policy.require(actor, queries.ACTION, workspace)


def _filled(base: Question) -> dict[str, Any]:
    return {
        "title": "",
        "about": "",
        "measures": list(base.measures),
        "group_by": base.group_by,
        "window": base.window,
        "parameters": [each.name for each in base.parameters],
    }


def _form(
    request: HttpRequest, workspace: Workspace | None, sent: Mapping[str, Any], wrong: str
) -> HttpResponse:
    areas: dict[str, list[Any]] = {}
    for measure in sorted(MEASURES.values(), key=lambda one: one.title):
        areas.setdefault(measure.area or "others", []).append(measure)
    context: dict[str, Any] = {
        "title": "New query",
        "workspace": workspace,
        "sent": sent,
        "wrong": wrong,
        "areas": [(name.capitalize(), found) for name, found in sorted(areas.items())],
        "splits": [("", "Nothing: one row"), (TIME, "Time"), *_dimensions()],
        "dimensions": _dimensions(),
        "windows": list(WINDOWS),
    }
    return show(request, "telemetry/query_new.html", context, {})


def _dimensions() -> list[tuple[str, str]]:
    words = {"event_type": "Event", "env": "Environment"}
    return [(name, words.get(name, name.capitalize())) for name in DIMENSIONS]
