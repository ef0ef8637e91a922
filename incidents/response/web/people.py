"""Roles, decisions, looks whether it works again, and another incident split off: each one form."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.posting import tell, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.response import checks, deciding, roles
from incidents.response.splitting import split as split_off
from incidents.web.common import incident_of, page, show, told
from incidents.web.forms import level_choices

ALERTS = 100


def _home(request: HttpRequest, uid: uuid.UUID, said: str) -> HttpResponse:
    messages.success(request, said)
    return HttpResponseRedirect(links.page_of(incident_of(request, uid)))


@require_POST
@page
@told
def role(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """`to` is somebody's key, `me`, or empty for nobody; a button says who has it, too."""
    row, given = incident_of(request, uid), request.POST.get("to", "")
    wanted, _, rest = request.POST.get("give", "").partition("|")
    to, _, seen = rest.partition("|")
    wanted, given = wanted or request.POST.get("role", ""), to or given
    person = _person(request, given)
    known = {"seen": _number(seen)} if rest else {"version": version_of(request)}
    roles.assign(row, wanted, person, actor=actor_of(request), **known)
    who = person.name if person is not None else "Nobody"
    return _home(request, uid, f"{roles.said(wanted, who)} in {row.ref} now.")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None


def _person(request: HttpRequest, given: str) -> User | None:
    if given in {"", "nobody"}:
        return None
    if given == "me":
        return User.objects.filter(pk=actor_of(request).user_id).first()
    key = _number(given)
    found: User | None = User.objects.filter(pk=key).first() if key is not None else None
    if found is None:
        raise NotFound("There is nobody of that name here.")
    return found


@require_POST
@page
@told
def decision(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = incident_of(request, uid)
    deciding.decide(
        row, actor=actor_of(request), text=request.POST.get("text", ""),
        why=request.POST.get("why", ""),
    )  # fmt: skip
    return _home(request, uid, "The decision is kept.")


@require_POST
@page
@told
def check(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = incident_of(request, uid)
    slug, _, outcome = request.POST.get("check", "").partition("|")
    made = checks.note_check(
        row, slug, outcome, actor=actor_of(request), remark=request.POST.get("note", "")
    )
    label = checks.KINDS[made.slug].label
    return _home(request, uid, f"{label}: {made.get_outcome_display().lower()}.")


class SplitForm(forms.Form):
    title = forms.CharField(label="What the other one is", max_length=200)
    severity = forms.ChoiceField(label="Severity", widget=forms.RadioSelect)
    alerts = forms.MultipleChoiceField(
        label="Alerts that go to it", required=False, widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def split(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = incident_of(request, uid), actor_of(request)
    policy.require(actor, "incident.merge", row)
    data = request.POST if request.method == "POST" else None
    form = SplitForm(data, label_suffix="", initial={"severity": row.severity})
    fields: dict[str, forms.ChoiceField] = form.fields  # type: ignore[assignment]
    fields["severity"].choices = level_choices(row.workspace)
    rows = row.alerts.order_by("-pk")[:ALERTS]
    fields["alerts"].choices = [(str(each.uid), each.title[:120]) for each in rows]
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                made = split_off(row, actor=actor, version=version_of(request), **form.cleaned_data)
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, f"{made.ref} is open.")
                return HttpResponseRedirect(links.page_of(made))
    context = {"title": "Split it", "row": row, "form": form, "version": row.version}
    return show(request, "split.html", context, status=status)
