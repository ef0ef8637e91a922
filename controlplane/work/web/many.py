"""Many items at once: the question, the report, and taking it back."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.admin.doors import BULK_ROWS
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work import bulk, vocabulary
from controlplane.work.models import Item
from controlplane.work.web.common import back, items_here, page, read_uid, show

KEPT = "work_undo"
MOST_KEPT = 5
NAMED = 10


class Question(forms.Form):
    def value(self) -> Any:
        return self.cleaned_data.get("value")


class NoQuestion(Question):
    pass


class CloseForm(Question):
    reason = forms.CharField(
        label="Reason", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What came of it. It stands on each of them.",
    )  # fmt: skip

    def value(self) -> str:
        return str(self.cleaned_data["reason"])


class LabelForm(Question):
    label = forms.CharField(label="Label", max_length=255)

    def value(self) -> str:
        return str(self.cleaned_data["label"])


class PriorityForm(Question):
    priority = forms.TypedChoiceField(
        label="Priority",
        coerce=int,
        choices=[(n, f"P{n} {words}") for n, words in vocabulary.PRIORITIES.items()],
        initial=2,
    )

    def value(self) -> int:
        return int(self.cleaned_data["priority"])


class DeferForm(Question):
    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Without a day: until somebody takes it up again.",
    )

    def value(self) -> Any:
        return self.cleaned_data["until"]


# verb -> what it is called, what it takes, what it did, what may do it
VERBS: dict[str, tuple[str, type[Question], str, str]] = {
    "claim": ("Claim", NoQuestion, "Claimed", "work.claim"),
    "close": ("Close", CloseForm, "Closed", "work.close"),
    "label": ("Add a label", LabelForm, "Labelled", "work.update"),
    "priority": ("Set the priority", PriorityForm, "Ranked", "work.update"),
    "defer": ("Put off", DeferForm, "Put off", "work.update"),
}


def begin(request: HttpRequest, verb: str, items: Sequence[Item]) -> HttpResponse:
    """From a list's selection: at once where nothing is to be asked."""
    here = request.get_full_path()
    if VERBS[verb][1] is NoQuestion:
        _run(request, verb, items, None)
        return HttpResponseRedirect(here)
    return _ask(request, verb, items, VERBS[verb][1](), here)


@require_http_methods(["GET", "POST"])
@page
def act(request: HttpRequest, verb: str) -> HttpResponse:
    if verb not in VERBS:
        raise NotFound("No such action.")
    policy.require(actor_of(request), VERBS[verb][3])
    given = request.POST if request.method == "POST" else request.GET
    items = _chosen(request, given.getlist("item"))
    there = reverse("work:queue")
    if request.method == "GET":
        if not items:
            return HttpResponseRedirect(there)
        return _ask(request, verb, items, VERBS[verb][1](), request.GET.get("next", there))
    form = VERBS[verb][1](request.POST)
    if not form.is_valid():
        return _ask(request, verb, items, form, posted(request, "next", 2000) or there)
    _run(request, verb, items, form.value())
    return back(request, there)


def _chosen(request: HttpRequest, texts: list[str]) -> list[Item]:
    uids = [uid for text in texts[: BULK_ROWS.value] if (uid := read_uid(text))]
    if len(texts) > BULK_ROWS.value:
        raise Invalid(f"At most {BULK_ROWS.value} rows at once.")
    return list(items_here(request).filter(uid__in=uids).select_related("project"))


def _ask(
    request: HttpRequest, verb: str, items: Sequence[Item], form: Question, after: str
) -> HttpResponse:
    label = VERBS[verb][0]
    number = len(items)
    context = {
        "title": f"{label}: {items[0].key}" if number == 1 else f"{label}: {number} items",
        "label": label,
        "verb": verb,
        "items": items,
        "form": form,
        "next": after,
    }
    return show(request, "many.html", context)


def _run(request: HttpRequest, verb: str, items: Sequence[Item], value: Any) -> None:
    report = bulk.act(verb, items, value, actor=actor_of(request))
    _tell(request, VERBS[verb][2], report, _keep(request, report))


def _tell(request: HttpRequest, did: str, report: bulk.Report, undo: str = "") -> None:
    if report.done:
        keys = ", ".join(item.key for item in report.done[:NAMED])
        more = len(report.done) - NAMED
        named = f"{keys} and {more} more" if more > 0 else keys
        words = format_html("{}: {}.", did, named)
        if undo:
            words = format_html('{} <a href="{}">Take it back…</a>', words, undo)
        messages.success(request, words)
    if report.refused:
        # A service's sentence often names the item itself.
        told = [
            text if item.key in text else f"{item.key}: {text}"
            for item, text in report.refused[:NAMED]
        ]
        more = len(report.refused) - NAMED
        tail = f"; and {more} more" if more > 0 else ""
        messages.error(request, f"{len(report.refused)} refused. {'; '.join(told)}{tail}")


# --- Taking back ------------------------------------------------------------------------------


def _keep(request: HttpRequest, report: bulk.Report) -> str:
    """In the person's own session, for the newest few."""
    if not report.undo:
        return ""
    kept = dict(request.session.get(KEPT, {}))
    token = secrets.token_urlsafe(9)
    kept[token] = report.undo
    request.session[KEPT] = dict(list(kept.items())[-MOST_KEPT:])
    return reverse("work:take_back", args=(token,))


@require_http_methods(["GET", "POST"])
@page
def take_back(request: HttpRequest, token: str) -> HttpResponse:
    kept = request.session.get(KEPT, {}).get(token)
    if kept is None:
        raise NotFound("This cannot be taken back any more.")
    rows = items_here(request).filter(pk__in=[entry["item"] for entry in kept])
    items = list(rows.select_related("project"))
    if request.method == "GET":
        label = f"Take back: {VERBS[kept[0]['verb']][0].lower()}"
        return show(
            request,
            "many.html",
            {"title": label, "label": "Take it back", "items": items, "next": ""},
        )
    report = bulk.take_back(kept, items, actor=actor_of(request))
    left = dict(request.session[KEPT])
    left.pop(token, None)
    request.session[KEPT] = left
    _tell(request, "Taken back", report)
    return HttpResponseRedirect(reverse("admin:work_item_changelist") + "?queue=mine")
