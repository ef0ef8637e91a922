"""Pages of maintenance windows: planned, moved, waived, split; each a form of its own. Whatever
refuses it, what was typed is still there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall.web.common import zone_for
from deployments.maintenance import checks, links, plans, services, standing
from deployments.maintenance.services.planning import CHANGE_STATES
from deployments.models import MaintenanceWindow
from deployments.shown import window_moves
from deployments.web import windows_forms as forms
from deployments.web.deck_common import conditions, posted, tell, version_of, workspace_for

View = Callable[..., HttpResponseBase]
RELATED = ("environment", "workspace", "item__project", "approval", "watcher", "review")


def page(view: View) -> View:
    """For whoever may enter the console and see windows."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "maintenance.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), "listing": links.LIST, **context}
    row = context.get("row")
    whole.setdefault("back", links.window(row) if row is not None else links.LIST)
    return render(request, f"deployments/window_{template}.html", whole, status=status)


def window_of(request: HttpRequest, uid: uuid.UUID) -> MaintenanceWindow:
    """Out of scope is the same as gone."""
    rows = MaintenanceWindow.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: MaintenanceWindow | None = rows.select_related(*RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such window.")
    return found


def _back(request: HttpRequest, row: MaintenanceWindow, said: str) -> HttpResponse:
    messages.success(request, said)
    return HttpResponseRedirect(links.window(row))


_AHEAD = ("scheduled", "announced", "approved")


def _idle(row: MaintenanceWindow, *states: str) -> str:
    """Why there is nothing to do here, or the empty text."""
    return "" if row.status in states else f"{row.ref} is {row.get_status_display().lower()}."


# --- Planned and changed ------------------------------------------------------------------------

_KINDS = {
    "scheduled": ("Plan maintenance", "Two weeks ahead, on a Sunday between 02:00 and 06:00 UTC."),
    "emergency": (
        "Plan emergency maintenance",
        "A vulnerability, data at risk, a partner's demand. It may begin at once: the two weeks, "
        "the quiet hours and the test are waived on record, and a review follows within two days.",
    ),
    "partner": (
        "Note a partner's maintenance",
        "Its users are told, and it begins and ends by its own clock. Nothing of it is ours to do.",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def plan(request: HttpRequest, kind: str = "scheduled") -> HttpResponse:
    if kind not in _KINDS:
        raise NotFound("There is no such kind of maintenance.")
    workspace = workspace_for(request)
    policy.require(actor_of(request), "maintenance.plan", workspace)
    data = request.POST if request.method == "POST" else None
    form = forms.PlanForm(data, workspace, zone_for(request), kind=kind)
    error: ControlPlaneError | None = None
    if data is not None and form.is_valid():
        try:
            made = services.plan_window(workspace, actor=actor_of(request), **form.given())
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
            tell(form, refused)
        else:
            return _back(request, made, f"{made.ref} is planned.")
    title, about = _KINDS[kind]
    context = {
        "title": title,
        "about": about,
        "form": form,
        "kind": kind,
        "kinds": [(slug, words, slug == kind) for slug, (words, _) in _KINDS.items()],
        "submit": "Plan it",
    }
    return show(request, "plan", context, status=_status(data, error))


def _status(data: Any, error: ControlPlaneError | None) -> int:
    if error is not None:
        return error.status
    return 400 if data is not None else 200


@require_http_methods(["GET", "HEAD", "POST"])
@page
def change(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    form = forms.ChangeForm(data, row, zone_for(request))
    error: ControlPlaneError | None = None
    if data is not None and form.is_valid():
        try:
            services.change_window(
                row, actor=actor_of(request), version=version_of(request), **form.given()
            )
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
            tell(form, refused)
        else:
            return _back(request, row, "It is changed.")
    context = {
        "title": "Change the window",
        "row": row,
        "form": form,
        "about": "What consent was given to something else falls." if row.approval else "",
        "idle": _idle(row, *CHANGE_STATES),
        "submit": "Save",
        "version": version_of(request) or row.version,
    }
    return show(request, "form", context, status=_status(data, error))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def reschedule(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    may = bool(policy.can(actor, "maintenance.waive", row))
    form = forms.RescheduleForm(data, row, zone_for(request), may_waive=may)
    error: ControlPlaneError | None = None
    if data is not None and form.is_valid():
        try:
            services.reschedule(row, actor=actor, version=version_of(request), **form.cleaned_data)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
            tell(form, refused)
        else:
            return _back(request, row, "It has another time. Whoever was told of it is told.")
    context = {
        "title": "Give it another time",
        "row": row,
        "form": form,
        "now": plans.span_words(row.starts_at, row.ends_at),
        "conditions": conditions(error) if error is not None else [],
        "about": "Whoever was told of the old time is told at once. Consent was to that time, and "
        "falls with it.",
        "idle": _idle(row, *_AHEAD),
        "submit": "Move it",
        "version": version_of(request) or row.version,
    }
    return show(request, "form", context, status=_status(data, error))


# --- Moved along --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def move(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row = window_of(request, uid)
    known = window_moves.MOVES.get(slug)
    if known is None:
        raise NotFound("There is no such button.")
    policy.require(actor_of(request), known.action, row)
    if request.method != "POST":
        return _ask(request, row, known, idle=window_moves.idle(known, row))
    given: dict[str, Any] = {"version": version_of(request)}
    if known.asks:
        given[known.asks] = posted(request, known.asks, known.most + 1)
    try:
        known.service(row, actor=actor_of(request), **given)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _ask(request, window_of(request, uid), known, error)
    return _back(request, row, known.done)


def _ask(
    request: HttpRequest,
    row: MaintenanceWindow,
    known: window_moves.Move,
    error: ControlPlaneError | None = None,
    *,
    idle: str = "",
) -> HttpResponse:
    context = {
        "title": known.label,
        "row": row,
        "move": known,
        "idle": idle,
        "error": error.message if error is not None else "",
        "conditions": conditions(error) if error is not None else [],
        "typed": posted(request, known.asks, known.most) if known.asks else "",
        "version": row.version,
        "span": plans.span_words(row.starts_at, row.ends_at),
    }
    return show(request, "move", context, status=error.status if error is not None else 200)


# --- Its parts ----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def waive(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.waive", row)
    data = request.POST if request.method == "POST" else None
    form = forms.WaiveForm(data, initial={"rule": request.GET.get("rule", "")})
    form.fields["rule"].choices = list(checks.WAIVABLE.items())  # type: ignore[attr-defined]
    return _simple(
        request, row, form, services.waive, "It goes without that rule; the reason stays.",
        title="Go without a rule", submit="Go without it",
        about="Your word and your reason stand on the record, and in what is signed.",
        idle=_idle(row, "draft", *_AHEAD),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def tasks(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    return _simple(
        request, row, forms.TasksForm(data), services.add_tasks, "The work is split.",
        title="Split the work", submit="Add them",
        about="Each becomes a work item under the window's own.",
        idle=_idle(row, "draft", *_AHEAD, "in_progress"),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def follow_ups(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    return _simple(
        request, row, forms.FollowUpForm(data), services.follow_up, "The follow-ups are opened.",
        title="What is left to do", submit="Open them",
        about="Temporary work becomes items of its own, linked to the window's.",
        idle="" if row.started_at is not None else f"{row.ref} has not begun.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def remark(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    return _simple(
        request, row, forms.RemarkForm(data), services.remark, "It stands in the thread.",
        title="Write into its thread", submit="Write it",
        about="How consent was sped up, what was done against the trouble, what shows it.",
    )  # fmt: skip


def _simple(
    request: HttpRequest,
    row: MaintenanceWindow,
    form: Any,
    service: Callable[..., Any],
    said: str,
    **context: Any,
) -> HttpResponse:
    error: ControlPlaneError | None = None
    if form.is_bound and form.is_valid():
        try:
            service(row, actor=actor_of(request), **form.cleaned_data)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
            tell(form, refused)
        else:
            return _back(request, row, said)
    whole = {"row": row, "form": form, "version": row.version, **context}
    return show(request, "form", whole, status=_status(form.is_bound or None, error))


@require_POST
@page
def task(request: HttpRequest, uid: uuid.UUID, key: str) -> HttpResponse:
    """A subtask begins, or is done: from the window's page, with what shows it."""
    row = window_of(request, uid)
    item = next((each for each in standing.tasks(row) if each.key == key), None)
    if item is None:
        raise NotFound("It has no such subtask.")
    services.move_task(
        row,
        item,
        actor=actor_of(request),
        to=posted(request, "to", 20),
        remark=posted(request, "remark", 4_001),
    )
    return HttpResponseRedirect(f"{links.window(row)}#tasks")
