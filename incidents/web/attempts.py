"""What would become of a message of a source: a box to paste one into. Nothing is kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid, NotFound
from incidents.intake import samples, trying
from incidents.models import AlertSource

_MOST = 1_000_000


class AttemptForm(forms.Form):
    body = forms.CharField(
        label="Message", max_length=_MOST, strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        help_text="As its sender sends it. Nothing is saved, and nobody is called.",
    )  # fmt: skip
    content_type = forms.CharField(
        label="Content type", max_length=200, required=False, initial="application/json"
    )


@require_http_methods(["GET", "POST"])
def attempt(request: HttpRequest, uid: Any) -> HttpResponse:
    if not admin.site.has_permission(request):
        return admin.site.login(request)
    actor = actor_of(request)
    rows = AlertSource.objects.visible_to(actor).exclude(format="portal")
    source = rows.select_related("workspace", "service", "environment").filter(uid=uid).first()
    if source is None:
        raise NotFound("No such source.")
    policy.require(actor, "alert.source", source)
    form = AttemptForm(
        request.POST if request.method == "POST" else None,
        initial={"body": samples.of(source.format), "content_type": samples.media_of(source)},
    )
    found = None
    if form.is_valid():
        found = _tried(source, form)
    context = {
        **admin.site.each_context(request),
        "title": "Try a message",
        "source": source,
        "form": form,
        "found": found,
        "columns": (("alert", "Alert"), ("what", "It"), ("severity", "Severity"),
                    ("rule", "Rule"), ("follows", "What follows"), ("held", "Held back")),
        "rows": _rows(found) if found is not None else [],
        "back": reverse("admin:incidents_alertsource_change", args=(source.uid,)),
    }  # fmt: skip
    return render(request, "incidents/attempt.html", context)


def _tried(source: AlertSource, form: AttemptForm) -> trying.Trial | None:
    data = form.cleaned_data
    try:
        return trying.try_message(source, data["body"].encode(), content_type=data["content_type"])
    except Invalid as error:
        form.add_error("body", f"Its sender would be refused: {error.message}")
        return None


def _rows(found: trying.Trial) -> list[dict[str, Any]]:
    return [
        {"alert": each.alert.title, "what": each.what, "severity": each.severity,
         "rule": each.rule, "follows": each.follows, "held": each.held_back or "no"}
        for each in found.alerts
    ]  # fmt: skip
