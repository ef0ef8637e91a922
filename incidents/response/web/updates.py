"""Post an update: the words to begin with, who reads it, and when the next one comes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.posting import tell, version_of
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.models import Incident, SeverityLevel, Update
from incidents.querysets import OVER
from incidents.records import levels
from incidents.response import updates, wordings
from incidents.web.common import incident_of, page, show, zone_for

_PUBLISH = "incident.publish"


class UpdateForm(forms.Form):
    kind = forms.ChoiceField(label="It is", choices=Update.Kind.choices)
    subject = forms.CharField(label="In one line", max_length=200)
    text = forms.CharField(
        label="How it stands", max_length=8_000,
        widget=forms.Textarea(attrs={"rows": 9, "autofocus": True}),
        help_text="What is seen, what is done, what comes next. Secrets are taken out.",
    )  # fmt: skip
    minutes = forms.IntegerField(
        label="The next one in, minutes", min_value=1, max_value=24 * 60, required=False
    )

    def __init__(self, data: Any, row: Incident, level: SeverityLevel, audience: str, kind: str):
        every = level.update_s // 60 if level.update_s else None
        promised = _promised(row, level, kind)
        subject, text = wordings.drafted(row, level, audience, kind, promised)
        super().__init__(
            data, label_suffix="",
            initial={"kind": kind, "subject": subject, "text": text,
                     "minutes": every if promised else None},
        )  # fmt: skip
        if every:
            self.fields["minutes"].help_text = f"{level.title} asks for one every {every} minutes."
        else:
            self.fields["minutes"].help_text = f"{level.title} promises none. Empty: none."
        if row.status in OVER:
            del self.fields["minutes"]

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        minutes = found.pop("minutes", None)
        found["next_at"] = clock.now() + timedelta(minutes=minutes) if minutes else None
        return found


def _promised(row: Incident, level: SeverityLevel, kind: str) -> datetime | None:
    if row.status in OVER or level.update_s is None or kind == Update.Kind.RECOVERY:
        return None
    return clock.now() + timedelta(seconds=level.update_s)


def _one_of(request: HttpRequest, name: str, known: Any, otherwise: str) -> str:
    given = request.GET.get(name, "")
    return given if given in known else otherwise


@require_http_methods(["GET", "HEAD", "POST"])
@page
def post(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = incident_of(request, uid), actor_of(request)
    policy.require(actor, "incident.update", row)
    level = levels.level(row.workspace_id, row.severity)
    audience = _one_of(request, "for", Update.Audience.values, "internal")
    kind = _one_of(request, "kind", Update.Kind.values, wordings.suggested(row, audience))
    data = request.POST if request.method == "POST" else None
    form = UpdateForm(data, row, level, audience, kind)
    customers = audience == Update.Audience.CUSTOMERS
    draft = customers and not policy.can(actor, _PUBLISH, row)
    context = {
        "title": "Tell customers" if customers else "Post an update", "row": row, "form": form,
        "level": level, "audience": audience, "draft": draft, "kinds": Update.Kind.choices,
        "kind": kind, "customers": customers,
        "last": row.updates.posted().filter(audience=audience).first(),
    }  # fmt: skip
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                made = updates.post_update(
                    row, actor=actor, audience=audience, draft="draft" in data, **form.given()
                )
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, _done(row, made, zone_for(request)))
                return HttpResponseRedirect(links.page_of(row))
    return show(request, "update.html", context, status=status)


def _done(row: Incident, made: Update, zone: ZoneInfo) -> str:
    if made.status == Update.Status.DRAFT:
        return "It waits as a draft until somebody publishes it."
    following = ""
    if made.next_at:
        following = f" The next one by {made.next_at.astimezone(zone):%H:%M} {zone.key} time."
    return f"Posted for {row.ref}.{following}"


@require_POST
@page
def draft(request: HttpRequest, uid: uuid.UUID, update: uuid.UUID, verb: str) -> HttpResponse:
    """Publish a draft, or drop it."""
    row = incident_of(request, uid)
    made = row.updates.select_related("incident").filter(uid=update).first()
    run = {"publish": updates.publish, "drop": updates.drop}.get(verb)
    if made is None or run is None:
        raise NotFound("No such draft.")
    run(made, actor=actor_of(request), version=version_of(request))
    said = "It is published." if verb == "publish" else "The draft is dropped."
    messages.success(request, said)
    return HttpResponseRedirect(links.page_of(row))
