"""Pages of maintenance windows: planned, moved, waived, split; each a form of its own. Whatever
refuses it, what was typed is still there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.posting import conditions, posted, tell, version_of, workspace_for
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall.web.common import zone_for
from deployments.maintenance import links, plans, services, standing
from deployments.maintenance.services.planning import CHANGE_STATES
from deployments.models import MaintenanceWindow
from deployments.shown import window_moves
from deployments.web import windows_forms as forms
from deployments.web.boards_common import page_for

RELATED = ("environment", "workspace", "item__project", "approval", "watcher", "review")
page = page_for("maintenance.view")


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
    workspace = workspace_for(request, "maintenance.plan")
    policy.require(actor_of(request), "maintenance.plan", workspace)
    data = request.POST if request.method == "POST" else None
    form = forms.PlanForm(data, workspace, zone_for(request), kind=kind)
    made, error = _tried(
        form,
        lambda: services.plan_window(workspace, actor=actor_of(request), **form.given()),
    )
    if made is not None:
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
    return show(request, "plan", context, status=_status(form, error))


def _tried(form: Any, call: Callable[[], Any]) -> tuple[Any, ControlPlaneError | None]:
    """What the service made of a form that was filled in, or its refusal, beside its fields."""
    if not (form.is_bound and form.is_valid()):
        return None, None
    try:
        return call(), None
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as refused:
        tell(form, refused)
        return None, refused


def _status(form: Any, error: ControlPlaneError | None) -> int:
    if error is not None:
        return error.status
    return 400 if form.is_bound else 200


@require_http_methods(["GET", "HEAD", "POST"])
@page
def change(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    policy.require(actor_of(request), "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    form = forms.ChangeForm(data, row, zone_for(request))
    seen = version_of(request)
    done, error = _tried(
        form,
        lambda: services.change_window(row, actor=actor_of(request), version=seen, **form.given()),
    )
    if done is not None:
        return _back(request, row, "It is changed.")
    context = {
        "title": "Change the window",
        "row": row,
        "form": form,
        "about": "What consent was given to something else falls." if row.approval else "",
        "idle": _idle(row, *CHANGE_STATES),
        "submit": "Save",
        "version": seen or row.version,
    }
    return show(request, "form", context, status=_status(form, error))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def reschedule(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = window_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, "maintenance.change", row)
    data = request.POST if request.method == "POST" else None
    may = bool(policy.can(actor, "maintenance.waive", row))
    form = forms.RescheduleForm(data, row, zone_for(request), may_waive=may)
    seen = version_of(request)
    done, error = _tried(
        form, lambda: services.reschedule(row, actor=actor, version=seen, **form.cleaned_data)
    )
    if done is not None:
        return _back(request, row, "It has another time. Whoever was told of it is told.")
    context = {
        "title": "Give it another time",
        "row": row,
        "form": form,
        "now": plans.span_words(row.starts_at, row.ends_at),
        "conditions": conditions(error) if error is not None else [],
        "about": "Whoever was told of the old time is told at once. Consent was to that time, and "
        "falls with it.",
        "idle": _idle(row, *_AHEAD, "missed"),
        "submit": "Move it",
        "version": seen or row.version,
    }
    return show(request, "form", context, status=_status(form, error))


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


@dataclass(frozen=True, slots=True)
class Part:
    """A short form of a window. `states`: when there is something to do; none: always."""

    form: Callable[..., Any]
    service: Callable[..., Any]
    title: str
    submit: str
    about: str
    done: str
    action: str = "maintenance.change"
    states: tuple[str, ...] = ()


PARTS: Mapping[str, Part] = {
    "waive": Part(
        forms.WaiveForm,
        services.waive,
        "Go without a rule",
        "Go without it",
        "Your word and your reason stand on the record, and in what is signed.",
        "It goes without that rule; the reason stays.",
        action="maintenance.waive",
        states=("draft", *_AHEAD),
    ),
    "tasks": Part(
        forms.TasksForm,
        services.add_tasks,
        "Split the work",
        "Add them",
        "Each becomes a work item under the window's own.",
        "The work is split.",
        states=("draft", *_AHEAD, "in_progress"),
    ),
    "follow-ups": Part(
        forms.FollowUpForm,
        services.follow_up,
        "What is left to do",
        "Open them",
        "Temporary work becomes items of its own, linked to the window's.",
        "The follow-ups are opened.",
        states=("in_progress", "monitoring", "completed", "rolled_back"),
    ),
    "remark": Part(
        forms.RemarkForm,
        services.remark,
        "Write into its thread",
        "Write it",
        "How consent was sped up, what was done against the trouble, what shows it.",
        "It stands in the thread.",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def part(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row, known = window_of(request, uid), PARTS[slug]
    actor = actor_of(request)
    policy.require(actor, known.action, row)
    data = request.POST if request.method == "POST" else None
    form = known.form(data, initial={name: request.GET.get(name, "") for name in ("rule",)})

    def run() -> bool:
        known.service(row, actor=actor, **form.cleaned_data)
        return True

    done, error = _tried(form, run)
    if done:
        return _back(request, row, known.done)
    context = {
        "row": row,
        "form": form,
        "version": row.version,
        "title": known.title,
        "submit": known.submit,
        "about": known.about,
        "idle": _idle(row, *known.states) if known.states else "",
    }
    return show(request, "form", context, status=_status(form, error))


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
