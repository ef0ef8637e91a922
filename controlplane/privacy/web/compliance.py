"""Compliance in the console: controls × periods, one control, files and reports."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from itertools import groupby
from typing import Any

from django.contrib import admin, messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.policy import role_label
from controlplane.base.web import actor_of, workspace_of
from controlplane.jobs.models import ObligationRecord
from controlplane.jobs.obligations import workspace_zone
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from controlplane.privacy import services
from controlplane.privacy.compliance import handing, periods, standing
from controlplane.privacy.compliance.controls import BY_SLUG, CONTROLS, Control
from controlplane.privacy.compliance.periods import Span
from controlplane.privacy.compliance.standing import Cell
from controlplane.privacy.models import ComplianceReport, ControlEvidence, ControlScope
from controlplane.privacy.services.controls import ATTACH, MAX_FILE, REPORT, SCOPE

VIEW = "compliance.view"
View = Callable[..., HttpResponseBase]
FIRST_YEAR, LAST_YEAR = 2020, 2099
SHOWN = 6  # reports beside the controls; the list has all


def page(action: str) -> Callable[[View], View]:
    """For whoever may enter the console and do this."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return admin.site.login(request)
            policy.require(actor_of(request), action)
            return view(request, *args, **kwargs)

        return guarded

    return guard


def shown_workspace(request: HttpRequest, action: str = VIEW) -> Workspace:
    """The evidence of two workspaces is never mixed: where none is chosen, the first by name in
    which one may look."""
    actor = actor_of(request)
    chosen = workspace_of(request)
    known: list[Workspace] = [chosen] if chosen else list(getattr(request, "workspaces", []))
    found = next((each for each in known if policy.can(actor, action, each)), None)
    if found is None:
        raise NotFound("There is no workspace to show.")
    return found


def show(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"privacy/compliance/{template}", whole, status=status)


# --- Controls × periods -------------------------------------------------------------------------


@require_safe
@page(VIEW)
def board(request: HttpRequest) -> HttpResponse:
    workspace, actor, now = shown_workspace(request), actor_of(request), clock.now()
    today = now.astimezone(workspace_zone(workspace)).year
    asked = request.GET.get("year", "")
    year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else today
    year = min(max(year, FIRST_YEAR), today)
    known = standing.year(workspace, actor, year)
    spans = periods.quarters(year, workspace)
    reports = _reports(workspace, actor)
    context = {
        "title": "Compliance",
        "workspace": workspace,
        "several": workspace_of(request) is None and len(getattr(request, "workspaces", [])) > 1,
        "year": year,
        "earlier": f"?year={year - 1}" if year > FIRST_YEAR else "",
        "later": f"?year={year + 1}" if year < today else "",
        "quarters": [(span, span.holds(now), span.start > now) for span in spans],
        "areas": [
            (area, [_line(control, spans, known, year) for control in controls])
            for area, controls in groupby(CONTROLS, key=lambda each: each.area)
        ],
        "figures": _figures(known),
        "open": sorted(
            (cell for cell in known.values() if cell.state in {"missing", "due"}),
            key=lambda cell: (cell.state != "missing", cell.span.end),
        ),
        "begun": [span for span in spans if span.start <= now],
        "reports": reports,
        "may_report": policy.can(actor, REPORT, workspace),
        "may_read": policy.can(actor, REPORT, workspace).allowed,
    }
    return show(request, "board.html", context)


def _line(
    control: Control, spans: list[Span], known: dict[tuple[str, str], Cell], year: int
) -> dict[str, Any]:
    yearly = control.cadence == periods.YEARLY
    names = [str(year)] if yearly else [span.name for span in spans]
    return {
        "control": control,
        "owner": role_label(control.owner_role),
        "cells": [known[control.slug, name] for name in names],
        "wide": yearly,
    }


def _figures(known: dict[tuple[str, str], Cell]) -> list[dict[str, Any]]:
    """Of the whole year, without what could not be asked of it."""
    counted = standing.figures(cell for cell in known.values() if not cell.before)
    return [
        {"state": state, "words": words, "number": counted[state]}
        for state, words in standing.WORDS.items()
        if state != "ahead"
    ]


def _reports(workspace: Workspace, actor: Actor) -> list[ComplianceReport]:
    if not policy.can(actor, REPORT, workspace):
        return []
    return list(ComplianceReport.objects.filter(workspace=workspace)[:SHOWN])


# --- One control in one period ------------------------------------------------------------------


def _asked(request: HttpRequest, slug: str, period: str) -> tuple[Workspace, Control, Span]:
    workspace, control = shown_workspace(request), BY_SLUG.get(slug)
    if control is None:
        raise NotFound("There is no such control.")
    try:
        span = periods.named(period, workspace)
    except Invalid as error:
        raise NotFound("There is no such period.") from error
    if span.cadence != control.cadence:
        raise NotFound("There is no such period of this control.")
    return workspace, control, span


@require_http_methods(["GET", "HEAD", "POST"])
@page(VIEW)
def control(request: HttpRequest, slug: str, period: str) -> HttpResponse:
    """What is demanded, what shows it, the files; a form that adds one."""
    workspace, entry, span = _asked(request, slug, period)
    error: ControlPlaneError | None = None
    if request.method == "POST":
        try:
            row = _add(request, workspace, entry, span)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
        else:
            messages.success(request, f"Kept, with its hash: {row.title}."[:500])
            return HttpResponseRedirect(f"{request.path}#files")
    return _control_page(request, workspace, entry, span, error)


def _add(request: HttpRequest, workspace: Workspace, entry: Control, span: Span) -> ControlEvidence:
    sent = request.FILES.get("file")
    if sent is None:
        raise Invalid("Choose a file.", details={"file": "Choose a file."})
    actor = actor_of(request)
    return services.add_evidence(
        workspace,
        actor=actor,
        control=entry.slug,
        period=span.name,
        filename=sent.name or "",
        content=sent,
        size=sent.size,
        media_type=sent.content_type or "",
        title=request.POST.get("title", ""),
        note=request.POST.get("note", ""),
        replaces=_chosen(workspace, entry, span, request.POST.get("replaces", "")),
        fulfils=_owed(workspace, actor, entry, span) if request.POST.get("fulfil") else None,
    )


def _chosen(workspace: Workspace, entry: Control, span: Span, uid: str) -> ControlEvidence | None:
    if not uid:
        return None
    for row in _files(workspace, entry, span).in_force():
        if str(row.uid) == uid:
            found: ControlEvidence = row
            return found
    raise Invalid("Choose one of its files.", details={"replaces": "Not one of its files."})


def _files(workspace: Workspace, entry: Control, span: Span) -> Any:
    return ControlEvidence.objects.filter(workspace=workspace, control=entry.slug, period=span.name)


def _owed(
    workspace: Workspace, actor: Actor, entry: Control, span: Span
) -> ObligationRecord | None:
    """What a file may be the record of: owed in this period, and this person's to record."""
    slugs = [demand.duty for demand in entry.demands if demand.duty]
    rows = ObligationRecord.objects.filter(
        workspace=workspace, obligation__slug__in=slugs, status=ObligationRecord.Status.DUE,
        due_at__gt=span.start, due_at__lte=span.end,
    )  # fmt: skip
    row = rows.select_related("obligation").order_by("due_at").first()
    return row if row is not None and policy.can(actor, "obligation.fulfil", row) else None


def _control_page(
    request: HttpRequest,
    workspace: Workspace,
    entry: Control,
    span: Span,
    error: ControlPlaneError | None,
) -> HttpResponse:
    actor, now = actor_of(request), clock.now()
    cell = standing.cell(workspace, actor, entry, span)
    everything = _files(workspace, entry, span).select_related("replaced_by")
    scopes = ControlScope.objects.filter(workspace=workspace, control=entry.slug, period=span.name)
    context = {
        "title": entry.title,
        "workspace": workspace,
        "control": entry,
        "cell": cell,
        "span": span,
        "last_day": span.end,
        "owner": role_label(entry.owner_role),
        "others": _others(workspace, entry, span, now),
        "files": list(everything),
        "in_force": [row for row in everything if not hasattr(row, "replaced_by")],
        "scopes": list(scopes[:20]),
        "may_attach": policy.can(actor, ATTACH, workspace),
        "may_scope": policy.can(actor, SCOPE, workspace),
        "owed": _owed(workspace, actor, entry, span),
        "begun": span.start <= now,
        "most": MAX_FILE.value,
        "error": error,
        "given": request.POST if error is not None else {},
        "board": f"{reverse('compliance:board')}?year={span.name[:4]}",
    }
    return show(request, "control.html", context, status=422 if error is not None else 200)


def _others(
    workspace: Workspace, entry: Control, span: Span, now: Any
) -> list[tuple[str, str, bool]]:
    """The same control in the periods beside this one."""
    year = int(span.name[:4])
    if entry.cadence == periods.YEARLY:
        near = [periods.named(str(each), workspace) for each in (year - 1, year, year + 1)
                if FIRST_YEAR <= each <= LAST_YEAR]  # fmt: skip
    else:
        near = periods.quarters(year, workspace)
    return [
        (each.name, reverse("compliance:control", args=[entry.slug, each.name]), each == span)
        for each in near
        if each.start <= now or each == span
    ]


@require_POST
@page(SCOPE)
def scope(request: HttpRequest, slug: str, period: str) -> HttpResponse:
    workspace, entry, span = _asked(request, slug, period)
    applies = request.POST.get("applies") == "yes"
    try:
        services.say_scope(
            workspace,
            actor=actor_of(request),
            control=entry.slug,
            period=span.name,
            applies=applies,
            reason=request.POST.get("reason", ""),
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _control_page(request, workspace, entry, span, error)
    said = "It applies again." if applies else "It does not apply in this period."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("compliance:control", args=[entry.slug, span.name]))


# --- Files and reports --------------------------------------------------------------------------


@never_cache
@require_safe
@page(VIEW)
def file(request: HttpRequest, uid: uuid.UUID) -> FileResponse:
    return handing.evidence(actor_of(request), uid, told=request.method == "GET")


@require_POST
@page(REPORT)
def make(request: HttpRequest) -> HttpResponse:
    workspace = shown_workspace(request, REPORT)
    try:
        row = services.make_report(
            workspace, actor=actor_of(request), period=request.POST.get("period", "")
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("compliance:board"))
    messages.success(request, f"{row.ref} on {row.period} is made, with its hashes.")
    return HttpResponseRedirect(f"{reverse('compliance:board')}?year={row.period[:4]}#reports")


@never_cache
@require_safe
@page(REPORT)
def report(request: HttpRequest, uid: uuid.UUID, form: str) -> FileResponse:
    return handing.report(actor_of(request), uid, form, told=request.method == "GET")
