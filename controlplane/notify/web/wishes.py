"""My notifications: what I want to be told and how, and when not to be mailed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.access.models import User
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.notify import services, wording
from controlplane.notify.models import Method, Preference, QuietHours

METHODS = (Method.INBOX, Method.EMAIL)
ALL_KINDS = "*"


class QuietForm(forms.Form):
    starts = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}))
    ends = forms.TimeField(label="Until", widget=forms.TimeInput(attrs={"type": "time"}))
    weekends = forms.BooleanField(label="All of Saturday and Sunday too", required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("starts") is not None and data.get("starts") == data.get("ends"):
            self.add_error("ends", "Quiet hours need a length.")
        return data


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    user = person_of(actor)
    hours = QuietHours.objects.filter(user=user).first()
    form = QuietForm(initial=_shown(hours))
    if request.method == "POST":
        form, done = _act(request, user, actor)
        if done:
            messages.success(request, done)
            return HttpResponseRedirect(reverse("notify:mine"))
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "My notifications",
        "person": user,
        "rows": _rows(user),
        "methods": METHODS,
        "form": form,
        "hours": hours,
    }
    return render(request, "notify/mine.html", context)


def person_of(actor: Actor) -> User:
    user = User.objects.filter(pk=actor.user_id or 0).first()
    if user is None:
        raise NotFound("Only people have notifications.")
    return user


def _act(request: HttpRequest, user: User, actor: Actor) -> tuple[QuietForm, str]:
    """One of the page's three forms. Answers the sentence that says what was done, or none."""
    form = QuietForm(request.POST if "set_hours" in request.POST else None)
    if "clear_hours" in request.POST:
        services.clear_quiet_hours(user, actor=actor)
        return form, "No quiet hours any more."
    if "set_hours" in request.POST:
        if not form.is_valid():
            return form, ""
        services.set_quiet_hours(user, actor=actor, **form.cleaned_data)
        return form, "Quiet hours are set."
    changed = _save_wishes(request, user, actor)
    return form, f"Saved: {changed} changed." if changed else "Nothing changed."


def _save_wishes(request: HttpRequest, user: User, actor: Actor) -> int:
    """Only what differs is written, so that the audit log tells of changes and not of visits."""
    ticked = set(request.POST.getlist("wanted"))
    changed = 0
    for row in _rows(user):
        for cell in row["cells"]:
            wanted = cell["value"] in ticked
            if wanted != cell["wanted"]:
                services.set_preference(
                    user, actor=actor, kind=row["kind"], method=cell["method"], wanted=wanted
                )
                changed += 1
    return changed


def _rows(user: User) -> list[dict[str, Any]]:
    """Every kind of news with what the person wants of it now; a kind without a wish of its own
    follows the first row."""
    wishes = {
        (wish.kind, wish.method): wish.wanted for wish in Preference.objects.filter(user=user)
    }
    kinds = [(ALL_KINDS, "Everything, unless said otherwise below")]
    kinds += sorted(
        ((kind, entry.label) for kind, entry in wording.CATALOGUE.items()), key=lambda k: k[1]
    )
    return [
        {
            "kind": kind,
            "label": label,
            "cells": [
                {
                    "method": method.value,
                    "label": method.label,
                    "value": f"{kind}:{method.value}",
                    "wanted": wishes.get(
                        (kind, method.value), wishes.get((ALL_KINDS, method.value), True)
                    ),
                }
                for method in METHODS
            ],
        }
        for kind, label in kinds
    ]


def _shown(hours: QuietHours | None) -> dict[str, Any]:
    if hours is None:
        return {}
    return {"starts": hours.starts, "ends": hours.ends, "weekends": hours.weekends}
