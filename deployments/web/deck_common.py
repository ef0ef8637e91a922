"""What the pages of deployments share: who may open them, which deployment they are of, the frame,
refusals beside their fields."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotFound
from deployments import links
from deployments.models import Deployment
from deployments.web.boards_common import page_for

RELATED = ("environment", "workspace", "item", "approval", "flag", "watcher", "previous",
           "reverses")  # fmt: skip
page = page_for("deployment.view")


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    row = context.get("row")
    if row is not None:
        whole.setdefault("back", links.page_of(row))
    return render(request, f"deployments/deck/{template}", whole, status=status)


def deployment_of(request: HttpRequest, uid: uuid.UUID) -> Deployment:
    """Out of scope is the same as gone."""
    rows = Deployment.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Deployment | None = rows.select_related(*RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such deployment.")
    return found


def workspace_for(request: HttpRequest) -> Workspace:
    """Where something new is made: the chosen one; where none is chosen, the first by name in which
    this person may. The form says which."""
    known: list[Workspace] = list(getattr(request, "workspaces", []))
    actor = actor_of(request)
    own = [each for each in known if policy.can(actor, "deployment.create", each)]
    found = workspace_of(request) or next(iter([*own, *known]), None)
    if found is None:
        raise Invalid("Choose the workspace it is for, at the top of the page.")
    return found


def posted(request: HttpRequest, field: str, most: int = 600) -> str:
    """What came with a form. NUL is the one character the database refuses; cut beyond what the
    service takes, so that it refuses and nothing typed is cut off."""
    return request.POST.get(field, "").replace("\x00", "").strip()[:most]


def version_of(request: HttpRequest) -> int | None:
    """Which version of the row the page showed."""
    text = request.POST.get("version", "") or request.GET.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def conditions(error: ControlPlaneError) -> list[str]:
    """What has to hold first, one sentence each."""
    found = error.details.get("conditions") or []
    return [str(each) for each in found]


def tell(form: forms.Form, error: ControlPlaneError) -> None:
    """Beside its fields where the refusal names some."""
    placed = False
    for name, said in error.details.items():
        field = name.split("[", 1)[0]
        if field in form.fields:
            words = " ".join(said) if isinstance(said, list) else str(said)
            form.add_error(field, words)
            placed = True
    if not placed:
        form.add_error(None, error.message)
