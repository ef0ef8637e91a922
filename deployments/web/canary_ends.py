"""Typing in figures that were read elsewhere, and documenting how a rollout went."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments.canary import links, services
from deployments.canary.services.leaving import REMOVE_DAYS
from deployments.models import Rollout
from deployments.shown import canaries
from deployments.web.canary_common import rollout_of, show
from deployments.web.canary_given import BaselineForm, CompleteForm, FiguresForm
from deployments.web.deck_common import page


@require_http_methods(["GET", "HEAD", "POST"])
@page
def figures(request: HttpRequest, pk: int) -> HttpResponse:
    """The baseline before the start, what was counted afterwards."""
    rollout = rollout_of(request, pk)
    before = rollout.started_at is None
    policy.require(actor_of(request), "rollout.plan" if before else "rollout.report", rollout)
    data = request.POST if request.method == "POST" else None
    form: Any = (BaselineForm if before else FiguresForm)(data, label_suffix="")
    context = {
        "title": "Baseline" if before else "Post figures",
        "rollout": rollout,
        "form": form,
        "before": before,
        "closed": _closed(rollout),
    }
    return _posted(request, form, lambda: _keep(request, rollout, form), "figures.html", context)


def _closed(rollout: Rollout) -> str:
    """Why it takes none, if it takes none."""
    if rollout.source != Rollout.Source.POSTED:
        return f"{rollout.ref} reads its figures itself: {rollout.get_source_display()}."
    if rollout.is_watched or (rollout.is_open and rollout.started_at is None):
        return ""
    return f"{rollout.ref} is {rollout.get_status_display().lower()}: it takes no figures."


def _keep(request: HttpRequest, rollout: Rollout, form: Any) -> str:
    actor = actor_of(request)
    if rollout.started_at is None:
        kept = services.take_baseline(rollout, actor=actor, given=form.given())
        return f"{kept.ref} has its baseline."
    kept = services.post_figures(rollout, form.given(), actor=actor)
    if kept.status == "rolled_back":
        return f"{kept.ref} is rolled back: {kept.outcome}"
    step = canaries.current(Rollout.objects.get(pk=kept.pk))
    if step is None:
        return "Counted."
    if not step.verdict:  # the step before has just passed, by what was posted
        return f"Counted. It passed: {step.percent} % have it now."
    return f"Counted. {canaries.said_of(step)}"


@require_http_methods(["GET", "HEAD", "POST"])
@page
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    rollout = rollout_of(request, pk)
    policy.require(actor_of(request), "rollout.promote", rollout)
    flag = rollout.flag
    due = flag.remove_by or clock.now().date() + timedelta(days=REMOVE_DAYS.value)
    initial = {"metrics_note": canaries.summary(rollout), "remove_by": due}
    data = request.POST if request.method == "POST" else None
    form = CompleteForm(data, initial=initial, label_suffix="")
    if flag.permanent:
        del form.fields["remove_by"]
    context = {"title": "Document and end", "rollout": rollout, "form": form}
    return _posted(request, form, lambda: _end(request, rollout, form), "complete.html", context)


def _end(request: HttpRequest, rollout: Rollout, form: forms.Form) -> str:
    data = form.cleaned_data
    kept = services.complete(
        rollout,
        actor=actor_of(request),
        metrics_note=data["metrics_note"],
        remove_by=data.get("remove_by"),
    )
    return f"{kept.ref} is completed."


def _posted(
    request: HttpRequest, form: Any, act: Any, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Do it, or show the form again with what was refused beside its field."""
    status = 200
    if form.is_bound:
        status = 400
        if form.is_valid():
            try:
                said = act()
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                _tell(form, error)
            else:
                messages.success(request, said)
                return HttpResponseRedirect(links.page_of(context["rollout"]))
    return show(request, template, context, status=status)


def _tell(form: forms.Form, error: ControlPlaneError) -> None:
    told = False
    for name, said in error.details.items():
        field = name.removeprefix("baseline.")
        field = "errors_" if field == "errors" else field
        if field in form.fields:
            form.add_error(field, str(said))
            told = True
    if not told:
        form.add_error(None, error.message)
