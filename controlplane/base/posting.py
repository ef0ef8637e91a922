"""What pages with forms of their own share: where something new is made, what came with a form, and
refusals beside their fields."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, Invalid


def workspace_for(request: HttpRequest, action: str) -> Workspace:
    """Where something new is made: the chosen one; where none is chosen, the first by name in which
    this person may. The form says which."""
    known: list[Workspace] = list(getattr(request, "workspaces", []))
    actor = actor_of(request)
    own = [each for each in known if policy.can(actor, action, each)]
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
            form.add_error(field, " ".join(said) if isinstance(said, list) else str(said))
            placed = True
    if not placed:
        form.add_error(None, error.message)
