"""The public pages of a workspace, on the desk: what they are called, and whether anybody may read
them. What stands on them is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.approvals.desk.away import place_of
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.web.delegate import refuse
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound
from incidents.models import StatusPage, SupportDoor
from incidents.status import services as status
from incidents.support import doors


class SupportForm(forms.Form):
    title = forms.CharField(label="What it is called", max_length=80)
    intro = forms.CharField(
        label="What it says first", max_length=500, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    is_open = forms.BooleanField(label="Anybody may read it", required=False)

    def __init__(self, data: Any = None, **given: Any) -> None:
        super().__init__(data, label_suffix="", **given)


class StatusForm(SupportForm):
    time_zone = forms.ChoiceField(
        label="Its days begin in", choices=[(name, name) for name in sorted(available_timezones())]
    )
    field_order = ("title", "intro", "time_zone", "is_open")


@dataclass(frozen=True, slots=True)
class Kind:
    slug: str
    title: str
    about: str
    action: str
    model: type[StatusPage] | type[SupportDoor]
    form: type[SupportForm]
    create: Callable[..., Any]
    change: Callable[..., Any]
    path: str

    def of(self, workspace: Workspace | int) -> Any:
        return self.model.objects.filter(workspace=workspace).first()


KINDS = {
    kind.slug: kind
    for kind in (
        Kind("status", "The status page", "Components, incidents as customers are told of them, "
             "maintenance: what stands on it is computed.", status.KEEP, StatusPage, StatusForm,
             status.create_page, status.change_page, "/status/"),
        Kind("support", "The support page", "Where customers ask, and read the public articles.",
             doors.KEEP, SupportDoor, SupportForm, doors.create_door, doors.change_door,
             "/support/"),
    )
}  # fmt: skip


def status_page_of(workspace_id: int) -> StatusPage | None:
    found: StatusPage | None = StatusPage.objects.filter(workspace=workspace_id).first()
    return found


def lines(actor: Actor, workspace_id: int | None) -> list[dict[str, Any]]:
    """Each public page this person keeps or reads, where it is and whether it is open."""
    places = Workspace.objects.open().filter(pk__in=actor.workspace_ids).order_by("name")
    if workspace_id is not None:
        places = places.filter(pk=workspace_id)
    found = []
    for place in places:
        for kind in KINDS.values():
            row = kind.of(place)
            may = bool(policy.can(actor, kind.action, place))
            if may or (row is not None and row.is_open):
                url = f"{kind.path}{row.slug}/" if row is not None else ""
                found.append({"kind": kind, "row": row, "may": may, "place": place, "url": url})
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@page
def public(request: HttpRequest, slug: str) -> HttpResponse:
    """Of the chosen workspace, or of the only one."""
    kind = KINDS.get(slug)
    if kind is None:
        raise NotFound("There is no such page.")
    actor, place = actor_of(request), place_of(request)
    policy.require(actor, kind.action, place)
    row = kind.of(place) if place is not None else None
    given = {name: getattr(row, name) for name in kind.form.base_fields} if row is not None else {}
    form = kind.form(request.POST if request.method == "POST" else None, initial=given)
    code = 200
    if request.method == "POST" and place is not None:
        code = _kept(kind, form, row, place, actor, posted(request, "version", 9))
        if not code:
            messages.success(request, f"{kind.title} is saved.")
            return HttpResponseRedirect(reverse("incident_desk:overview"))
    context = {
        "title": kind.title, "kind": kind, "row": row, "form": form, "place": place,
        "url": f"{kind.path}{row.slug}/" if row is not None else "",
    }  # fmt: skip
    return show(request, "customers/page.html", context, status=code)


def _kept(kind: Kind, form: forms.Form, row: Any, place: Workspace, actor: Actor, seen: str) -> int:
    """0, or the status of the refusal, which stands beside its field."""
    if not form.is_valid():
        return 400
    try:
        if row is None:
            kind.create(place, actor=actor, **form.cleaned_data)
        else:
            version = int(seen) if seen.isascii() and seen.isdigit() else 0
            kind.change(row, actor=actor, version=version, **form.cleaned_data)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return CODES[error.error_code]
    return 0
