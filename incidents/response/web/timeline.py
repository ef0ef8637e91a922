"""The timeline: everything in one order, by kind, to take along; and words, logs and screenshots
for it."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.work.models import Comment
from incidents.models import Incident
from incidents.response import saying
from incidents.response import timeline as view
from incidents.web.common import incident_of, page, show

SHOWN = 150
SAY = "incident.comment"


class SayForm(forms.Form):
    text = forms.CharField(
        label="What happened", max_length=10_000, required=False,
        widget=forms.Textarea(attrs={"rows": 2}), help_text="Markdown; refs become links.",
    )  # fmt: skip
    log = forms.CharField(
        label="Log of a command", max_length=200_000, required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="As it was printed. Secrets are taken out; a long one becomes a file.",
    )  # fmt: skip


def _kinds(request: HttpRequest) -> list[str]:
    return [each for each in request.GET.getlist("kind") if each in view.KINDS]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def timeline(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = incident_of(request, uid), actor_of(request)
    decision = policy.can(actor, SAY, row)
    form = SayForm(request.POST if request.method == "POST" else None, label_suffix="")
    status = 200
    if request.method == "POST":
        policy.require(actor, SAY, row)
        status = 400
        if form.is_valid():
            try:
                saying.say(
                    row, form.cleaned_data["text"], actor=actor, log=form.cleaned_data["log"],
                    files=_sent(request),
                )  # fmt: skip
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, "It stands on the timeline.")
                return HttpResponseRedirect(reverse("burning:timeline", args=(row.uid,)))
    kinds = _kinds(request)
    found = view.lines(row, actor, kinds=kinds)
    context: dict[str, Any] = {
        "title": "Timeline", "row": row, "form": form, "lines": [_line(row, each, actor)
                                                                 for each in found[:SHOWN]],
        "more": max(0, len(found) - SHOWN), "may_say": bool(decision),
        "why_not": "" if decision else decision.reason,
        "tabs": [("", "Everything", not kinds), *((slug, label, kinds == [slug])
                                                  for slug, label in view.KINDS.items())],
        "query": request.GET.urlencode(),
    }  # fmt: skip
    return show(request, "timeline.html", context, status=status)


def _line(row: Incident, line: view.Line, actor: Any) -> dict[str, Any]:
    mine = line.pk and row.is_open and (
        row.commander_id == (actor.user_id or 0) or line.who in {actor.label, actor.ref}
    )  # fmt: skip
    return {"line": line, "label": view.KINDS[line.kind], "mine": bool(mine)}


def _sent(request: HttpRequest) -> list[saying.Sent]:
    return [
        saying.Sent(each.name or "file", each, each.size, each.content_type or "")
        for each in request.FILES.getlist("files")
    ]


@require_POST
@page
def better(request: HttpRequest, uid: uuid.UUID, comment: int) -> HttpResponse:
    row = incident_of(request, uid)
    found = Comment.objects.filter(pk=comment, item=row.item_id or 0).first()
    if found is None:
        raise NotFound("Nothing of that was said here.")
    saying.correct(row, found, request.POST.get("text", ""), actor=actor_of(request))
    messages.success(request, "It is said better; what was said first is kept.")
    return HttpResponseRedirect(reverse("burning:timeline", args=(row.uid,)))


@require_POST
@page
def tree(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = incident_of(request, uid)
    kept = saying.keep_tree(row, actor=actor_of(request))
    messages.success(request, f"{kept.title} is kept.")
    return HttpResponseRedirect(reverse("burning:timeline", args=(row.uid,)))


@require_http_methods(["GET", "HEAD"])
@page
def export(request: HttpRequest, uid: uuid.UUID, form: str) -> HttpResponse:
    """As a file: `md` for people, `json` for programs. The oldest first."""
    row = incident_of(request, uid)
    found = view.lines(row, actor_of(request), kinds=_kinds(request), newest_first=False)
    answer: HttpResponse
    if form == "json":
        told = {"ref": row.ref, "title": row.title, "lines": [asdict(each) for each in found]}
        answer = JsonResponse(told)
    elif form == "md":
        answer = HttpResponse(view.markdown(row, found), content_type="text/markdown")
    else:
        raise NotFound("As md or json.")
    answer["Content-Disposition"] = f'attachment; filename="{row.ref}-timeline.{form}"'
    return answer
