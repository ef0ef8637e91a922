"""Writing a review, what is to be done after it, and its report as a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.access import policy
from controlplane.base.posting import tell, version_of
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.models import IncidentReview, ReviewAction
from incidents.reviews import acting, report, writing
from incidents.reviews.holding import RELATED
from incidents.web.common import incident_of, page, page_for, show, zone_for
from incidents.web.review_forms import ActionForm, DocumentsForm, DropForm, ReviewForm

FORMS = ["GET", "HEAD", "POST"]


def review_of(request: HttpRequest, uid: uuid.UUID) -> IncidentReview:
    rows: Any = IncidentReview.objects.visible_to(actor_of(request)).select_related(*RELATED)
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: IncidentReview | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such review.")
    return found


def _action_of(review: IncidentReview, uid: uuid.UUID) -> ReviewAction:
    rows: Any = review.actions.standing().select_related("review__incident", "item", "owner")
    found: ReviewAction | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such action.")
    return found


def _asked(
    request: HttpRequest,
    review: IncidentReview,
    form: forms.Form,
    run: Callable[[], Any],
    *,
    title: str,
    button: str,
    done: str,
    template: str = "review_form.html",
) -> HttpResponse:
    """One form: shown, refused beside its fields with all that was typed, or done."""
    status = 200
    if form.is_bound:
        status = 400
        if form.is_valid():
            try:
                run()
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, done)
                return HttpResponseRedirect(links.page_of(review))
    context = {
        "title": title, "button": button, "row": review.incident, "review": review, "form": form,
        "back": links.page_of(review), "version": review.version,
    }  # fmt: skip
    return show(request, template, context, status=status)


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


@require_POST
@page_for(writing.WRITE)
def begin(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    review = writing.begin_review(incident_of(request, uid), actor=actor_of(request))
    return HttpResponseRedirect(links.page_of(review))


@require_http_methods(FORMS)
@page_for(writing.WRITE)
def write(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    review = review_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, writing.WRITE, review)
    form = ReviewForm(_data(request), review, zone_for(request))

    def run() -> None:
        seen = version_of(request)
        writing.change_review(review, actor=actor, version=seen, **form.given())

    return _asked(
        request, review, form, run, title="Write the review", button="Save",
        done="Saved.", template="review_write.html",
    )  # fmt: skip


@require_http_methods(FORMS)
@page_for(writing.WRITE)
def new_action(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    review = review_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, writing.WRITE, review)
    form = ActionForm(_data(request), review)

    def run() -> None:
        acting.add_action(review, actor=actor, **form.cleaned_data)

    return _asked(request, review, form, run, title="Add an action", button="Add",
                  done="It is in the work, below the review.")  # fmt: skip


@require_http_methods(FORMS)
@page_for(writing.WRITE)
def action(request: HttpRequest, uid: uuid.UUID, action_uid: uuid.UUID) -> HttpResponse:
    review = review_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, writing.WRITE, review)
    row = _action_of(review, action_uid)
    form = ActionForm(_data(request), review, row)

    def run() -> None:
        acting.change_action(row, actor=actor, **form.cleaned_data)

    return _asked(request, review, form, run, title=f"Change: {row.title}"[:120], button="Save",
                  done="Saved; its work item follows.")  # fmt: skip


@require_http_methods(FORMS)
@page_for(writing.WRITE)
def drop(request: HttpRequest, uid: uuid.UUID, action_uid: uuid.UUID) -> HttpResponse:
    review = review_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, writing.WRITE, review)
    row = _action_of(review, action_uid)
    form = DropForm(_data(request), label_suffix="")

    def run() -> None:
        acting.drop_action(row, actor=actor, reason=form.cleaned_data["reason"])

    return _asked(request, review, form, run, title=f"Drop: {row.title}"[:120], button="Drop it",
                  done="It is dropped, and its work item is closed.")  # fmt: skip


@require_http_methods(FORMS)
@page_for(writing.WRITE)
def documents(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    review = review_of(request, uid)
    actor = actor_of(request)
    policy.require(actor, writing.WRITE, review)
    form = DocumentsForm(_data(request), review)

    def run() -> None:
        acting.ask_documents(review, actor=actor, **form.cleaned_data)

    return _asked(request, review, form, run, title="The documentation is to be changed",
                  button="Ask for it", done="It is in the work, due within a day.")  # fmt: skip


@require_safe
@page
def report_file(request: HttpRequest, uid: uuid.UUID, edition: str, form: str) -> HttpResponse:
    """Always to be saved, never shown here: the file brings its own styles and others' words."""
    review = review_of(request, uid)
    name, written, media = report.handed_out(
        review, actor=actor_of(request), form=form, edition=edition
    )
    answer = HttpResponse(written, content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer
