"""Planning a deployment, a hotfix; finding one; saying what it brings. What a service refuses
stands beside its field, and everything that was typed is still there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import tell, version_of, workspace_for
from controlplane.base.web import actor_of
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall.web.common import zone_for
from deployments import links, services
from deployments.models import Deployment
from deployments.services import items
from deployments.services.planning import CHANGEABLE, LATE
from deployments.web.deck_common import deployment_of, page, show
from deployments.web.deck_forms import (
    EnsureForm,
    HotfixForm,
    PapersForm,
    PlanForm,
    as_it_is,
    sections,
)

ASKED = ("release", "environment")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def plan(request: HttpRequest) -> HttpResponse:
    return _new(request, PlanForm, "plan.html", "New deployment", _planned)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def hotfix(request: HttpRequest) -> HttpResponse:
    return _new(request, HotfixForm, "hotfix.html", "New hotfix", services.plan_hotfix)


def _planned(workspace: Any, **given: Any) -> Deployment:
    return services.create_deployment(workspace, **given)


def _new(
    request: HttpRequest,
    form_class: type[PlanForm],
    template: str,
    title: str,
    make: Callable[..., Deployment],
) -> HttpResponse:
    workspace = workspace_for(request, "deployment.create")
    policy.require(actor_of(request), "deployment.create", workspace)
    data = request.POST if request.method == "POST" else None
    form = form_class(data, workspace, zone_for(request), initial=_initial(request, workspace))
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                made = make(workspace, actor=actor_of(request), **_given(request, form))
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                tell(form, error)
            else:
                messages.success(request, f"{made.ref} is planned.")
                return HttpResponseRedirect(links.page_of(made))
    context = {
        "title": title,
        "form": form,
        "sections": sections(form),
        "row": None,
        "workspace": workspace,
    }
    return show(request, template, context, status=status)


def _given(request: HttpRequest, form: PlanForm) -> dict[str, Any]:
    given = form.given()
    if key := given.pop("item"):
        given["item"] = items.named(form.workspace, key, actor=actor_of(request))
    return given


def _initial(request: HttpRequest, workspace: Any) -> dict[str, Any]:
    """From the address; a hotfix goes to production unless told otherwise."""
    places = {each.slug: each.pk for each in workspace.environments.all()}
    asked = request.GET.get("environment", "production")
    found: dict[str, Any] = {
        "release": request.GET.get("release", "")[:100],
        "item": request.GET.get("item", "")[:120],
    }
    if asked in places:
        found["environment"] = places[asked]
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@page
def ensure(request: HttpRequest) -> HttpResponse:
    """Locate or create: one for a release and an environment, whoever asks."""
    workspace = workspace_for(request, "deployment.create")
    policy.require(actor_of(request), "deployment.create", workspace)
    data = request.POST if request.method == "POST" else None
    asked = {name: request.GET[name][:100] for name in ASKED if request.GET.get(name)}
    form = EnsureForm(data, workspace, {"environment": "production", **asked})
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                found = services.ensure_deployment(
                    workspace, actor=actor_of(request), **form.cleaned_data
                )
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                tell(form, error)
            else:
                row = found.deployment
                words = "is planned now" if found.created else "was there already"
                messages.success(request, f"{row.ref} {words}.")
                return HttpResponseRedirect(links.page_of(row))
    context = {
        "title": "Locate or create a deployment",
        "form": form,
        "row": None,
        "workspace": workspace,
    }
    return show(request, "ensure.html", context, status=status)


# --- What it brings -----------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def papers(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = deployment_of(request, uid)
    policy.require(actor_of(request), "deployment.change", row)
    data = request.POST if request.method == "POST" else None
    form = _papers_form(request, row, data)
    status, changed = 200, False
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                _keep(request, row, form)
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                changed = isinstance(error, Conflict) and "seen_version" in error.details
                row = deployment_of(request, uid)
                tell(form, error)
            else:
                messages.success(request, f"{row.ref} is changed.")
                return HttpResponseRedirect(links.page_of(row))
    context = {
        "title": f"What {row.ref} brings",
        "row": row,
        "form": form,
        "sections": sections(form),
        "version": row.version,
        "changed": changed,
        "closed": row.status not in (*CHANGEABLE, "monitoring"),
        "late": _late(row),
        "consents": row.phase in {"ready", "approved"} and row.approval is not None,
    }
    return show(request, "papers.html", context, status=status)


def _late(row: Deployment) -> bool:
    """It is under way: what it brings stands fast."""
    return row.phase not in {"draft", "preparing", "ready", "approved"}


def _papers_form(request: HttpRequest, row: Deployment, data: Any) -> PapersForm:
    form = PapersForm(
        data,
        row.workspace,
        zone_for(request),
        hotfix=row.kind == Deployment.Kind.HOTFIX,
        initial=as_it_is(row),
    )
    if _late(row):
        for name in [name for name in form.fields if name not in LATE]:
            del form.fields[name]
    return form


def _keep(request: HttpRequest, row: Deployment, form: PapersForm) -> None:
    given = {name: form.cleaned_data[name] for name in form.changed_data}
    if "title" in given and not given["title"]:
        del given["title"]
    if "components" in given:
        given["components"] = list(given["components"])
    services.change_deployment(row, actor=actor_of(request), version=version_of(request), **given)
