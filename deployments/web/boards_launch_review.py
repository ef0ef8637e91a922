"""The review after a launch: its figures beside what was promised, four sections, a signature."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed
from deployments import services
from deployments.models import Launch
from deployments.overview import launch_review, launched
from deployments.overview import links as addresses
from deployments.services.launch_reviewing import MOST, REVIEW
from deployments.web.boards_common import page_for, show
from deployments.web.boards_launch import launch_of


class ReviewForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, launch: Launch) -> None:
        super().__init__(data, initial={"version": launch.version}, label_suffix="")
        for one in launch_review.SECTIONS:
            self.fields[one.slug] = forms.CharField(
                label=one.title, help_text=one.about, max_length=MOST,
                widget=forms.Textarea(attrs={"rows": 4}),
            )  # fmt: skip

    def words(self) -> dict[str, str]:
        return {one.slug: self.cleaned_data[one.slug] for one in launch_review.SECTIONS}


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("launch.view")
def review(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    launch, actor = launch_of(request, uid), actor_of(request)
    form = ReviewForm(request.POST if request.method == "POST" else None, launch)
    if request.method == "POST" and form.is_valid() and _signed(request, launch, form):
        return HttpResponseRedirect(addresses.review(launch))
    state = launch_review.state_of(launch)
    context = {
        "title": "Review after the launch",
        "launch": launch,
        "state": state,
        "state_words": launch_review.WORDS[state],
        "state_tone": {"to_come": "neutral", "owed": "info", "reviewed": "good"}[state],
        "due": launched.review_due(launch),
        "told": launch_review.told(launch, actor),
        "form": form if state == "owed" and policy.can(actor, REVIEW, launch) else None,
        "back": addresses.launch(launch),
    }
    return show(request, "board_review.html", context, status=422 if form.errors else 200)


def _signed(request: HttpRequest, launch: Launch, form: ReviewForm) -> bool:
    try:
        services.sign_review(
            launch,
            actor=actor_of(request),
            words=form.words(),
            version=form.cleaned_data["version"],
        )
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        known = {name: said for name, said in error.details.items() if name in form.fields}
        for name, said in known.items():
            form.add_error(name, str(said))
        if not known:
            form.add_error(None, error.message)
        return False
    messages.success(request, f"The review of {launch.ref} is signed.")
    return True
