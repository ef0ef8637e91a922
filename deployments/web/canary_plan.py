"""Planning a rollout, changing the plan, and trying what its figures would be read from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from deployments.canary import links, services, sources
from deployments.canary.services.trying import Tried, try_source
from deployments.canary.sources.prometheus import with_kept_token
from deployments.flags.models import Flag
from deployments.models import Rollout
from deployments.web.canary_common import rollout_of, show
from deployments.web.canary_forms import PlanForm
from deployments.web.deck_common import page

ASKED = {"flag": 200, "environment": 50, "deployment": 16}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, "rollout.plan")
    policy.require(actor_of(request), "rollout.plan", workspace)
    asked = {name: request.GET.get(name, "")[:most] for name, most in ASKED.items()}
    given = {"environment": "production"} | {name: value for name, value in asked.items() if value}
    data = request.POST if request.method == "POST" else None
    form = PlanForm(data, workspace, initial=given)
    return _answer(request, form, workspace, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def change(request: HttpRequest, pk: int) -> HttpResponse:
    rollout = rollout_of(request, pk)
    policy.require(actor_of(request), "rollout.plan", rollout)
    data = request.POST if request.method == "POST" else None
    form = PlanForm(data, rollout.workspace, rollout)
    return _answer(request, form, rollout.workspace, rollout)


def _answer(
    request: HttpRequest, form: PlanForm, workspace: Workspace, rollout: Rollout | None
) -> HttpResponse:
    """Try, save, or show again with what was refused beside its field."""
    status, tried = 200, None
    if form.is_bound:
        status = 400
        if form.is_valid():
            try:
                if request.POST.get("do") == "try":
                    tried, status = _tried(request, form, workspace, rollout), 200
                else:
                    return _saved(request, form, workspace, rollout)
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                form.tell(error)
    context = {
        "title": "Change the plan" if rollout else "Plan a canary rollout",
        "form": form,
        "rollout": rollout,
        "tried": tried,
    }
    return show(request, "plan.html", context, status=status)


def _saved(
    request: HttpRequest, form: PlanForm, workspace: Workspace, rollout: Rollout | None
) -> HttpResponse:
    given = form.given()
    actor = actor_of(request)
    if rollout is None:
        flag, place = _flag(form, workspace), _place(form, workspace)
        kept = services.plan(flag, place, actor=actor, **given)
        messages.success(request, f"{kept.ref} is planned. Nothing has happened to the flag yet.")
    else:
        given["title"] = given["title"] or rollout.title
        version = form.cleaned_data["version"]
        kept = services.change_rollout(rollout, actor=actor, version=version, **given)
        messages.success(request, "The plan is changed.")
    return HttpResponseRedirect(links.page_of(kept))


def _tried(
    request: HttpRequest, form: PlanForm, workspace: Workspace, rollout: Rollout | None
) -> Tried:
    given = form.given()
    source = given["source"]
    asking = sources.checked(source, given["asking"])
    if rollout is not None:
        asking = with_kept_token(asking, rollout.asking)
    row = Rollout(
        workspace=workspace,
        flag=rollout.flag if rollout else _flag(form, workspace),
        environment=rollout.environment if rollout else _place(form, workspace),
        source=source,
        asking=asking,
    )
    return try_source(row, actor=actor_of(request))


def _flag(form: PlanForm, workspace: Workspace) -> Flag:
    name = form.cleaned_data["flag"]
    found: Flag | None = Flag.objects.of(workspace).filter(flag_name=name).first() if name else None
    if found is None:
        said = "Name the flag." if not name else "There is no flag of this name here."
        raise Invalid(said, details={"flag": said})
    return found


def _place(form: PlanForm, workspace: Workspace) -> Any:
    return workspace.environments.get(slug=form.cleaned_data["environment"])


@require_http_methods(["GET", "HEAD", "POST"])
@page
def trying(request: HttpRequest, pk: int) -> HttpResponse:
    """What the source of a rollout answers now. Asked by a press: it may call the outside."""
    rollout = rollout_of(request, pk)
    policy.require(actor_of(request), "rollout.plan", rollout)
    tried = try_source(rollout, actor=actor_of(request)) if request.method == "POST" else None
    context = {"title": "What its source answers", "rollout": rollout, "tried": tried}
    return show(request, "try.html", context)
