"""Letting somebody else sign one request."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.approvals import services, signing
from controlplane.approvals.links import CONSOLE, Places
from controlplane.approvals.models import Request
from controlplane.approvals.shown import words
from controlplane.approvals.web.answering import Show
from controlplane.approvals.web.common import approval_of, page, show
from controlplane.approvals.web.moments import LocalMoment, zone_of_reader
from controlplane.base.web import actor_of
from controlplane.lib import actors
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound

MOST_PEOPLE = 500


class DelegateForm(forms.Form):
    to = forms.ChoiceField(label="Who signs for you")
    reason = forms.CharField(
        label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="They read it, and so does whoever looks later.",
    )  # fmt: skip
    until = LocalMoment(label="Until", required=False, last=True)

    def __init__(self, people: list[User], data: Any = None, *, zone: str = "UTC") -> None:
        super().__init__(data)
        self.label_suffix = ""
        said = "Empty: until it is decided. The clock of the request goes on."
        self.fields["until"].within(zone, said)  # type: ignore[attr-defined]
        choices = [(str(user.uid), f"{user.name or user.email} ({user.email})") for user in people]
        self.fields["to"].choices = [("", "Choose somebody"), *choices]  # type: ignore[attr-defined]


def receivers(workspace_id: int, actor: actors.Actor) -> list[User]:
    """Everybody who works there but whoever asks."""
    held = Grant.objects.held().of_active_people().filter(membership__workspace_id=workspace_id)
    rows = User.objects.filter(pk__in=held.values("membership__user_id")).exclude(
        pk=actor.user_id or 0
    )
    return list(rows.order_by("name", "email")[:MOST_PEOPLE])


@require_http_methods(["GET", "HEAD", "POST"])
@page
def delegate(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return lent(request, uid, CONSOLE, show)


def lent(request: HttpRequest, uid: uuid.UUID, places: Places, show: Show) -> HttpResponse:
    approval = approval_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, "approval.delegate", approval)
    people = [
        user
        for user in receivers(approval.workspace_id, actor)
        if f"user:{user.pk}" not in approval.producers
    ]
    given = request.POST if request.method == "POST" else None
    form = DelegateForm(people, given, zone=zone_of_reader(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = services.delegate(
                    approval,
                    form.cleaned_data["to"],
                    actor=actor,
                    reason=form.cleaned_data["reason"],
                    until=form.cleaned_data["until"],
                )
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = CODES[error.error_code]
                refuse(form, error)
            else:
                to = made.to_user.name or made.to_user.email
                messages.success(request, f"{to} may sign {approval.ref} for you.")
                return HttpResponseRedirect(places.url("packet", approval))
    return show(request, "delegate.html", _context(approval, actor, form, places), status=status)


def _context(
    approval: Request, actor: actors.Actor, form: forms.Form, places: Places
) -> dict[str, Any]:
    views = signing.slots_for(actor, approval)
    own = [view for view in views if view.may and view.delegation is None]
    why_not = "" if own else "; ".join(dict.fromkeys(view.refusal for view in views))
    return {
        "title": f"Delegate {approval.ref}",
        "approval": approval,
        "form": form,
        "why_not": why_not,
        "back": places.url("packet", approval),
        "share": words.fresh_share(approval),
    }


def refuse(form: forms.Form, error: ControlPlaneError) -> None:
    """Beside its field where the refusal names one."""
    for field, sentence in error.details.items():
        if field in form.fields:
            form.add_error(field, str(sentence))
            return
    form.add_error(None, error.message)
