"""The desk's own pages: a new ticket, the form of each move, answers, what is said better."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.posting import tell, version_of, workspace_for
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.models import CannedReply, Ticket
from incidents.support import answering, canned, forgetting, moves, opening, said
from incidents.support.ticket_questions import MoveForm, NewForm
from incidents.support.ticket_views import RELATED
from incidents.web.common import page_for

ALL = ["GET", "HEAD", "POST"]
page = page_for("ticket.view")


def ticket_of(request: HttpRequest, uid: uuid.UUID) -> Ticket:
    """Out of scope is the same as gone."""
    rows: Any = Ticket.objects.visible_to(actor_of(request)).select_related(*RELATED)
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Ticket | None = rows.defer("search").filter(uid=uid).first()
    if found is None:
        raise NotFound("No such ticket.")
    return found


def show(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    row = context.get("row")
    if row is not None:
        whole.setdefault("back", links.page_of(row))
    return render(request, f"incidents/tickets/{template}", whole, status=status)


@require_http_methods(ALL)
@page_for(opening.OPEN)
def new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, opening.OPEN)
    data = request.POST if request.method == "POST" else None
    form = NewForm(data, workspace)
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                made = opening.open_ticket(
                    workspace, actor=actor_of(request), files=_sent(request), **form.given()
                )
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, f"{made.ref} is open.")
                return HttpResponseRedirect(links.page_of(made))
    context = {"title": "Open a ticket", "form": form, "workspace": workspace}
    return show(request, "new.html", context, status=status)


def _sent(request: HttpRequest) -> list[said.Sent]:
    return [
        said.Sent(each.name or "file", each, each.size, each.content_type or "")
        for each in request.FILES.getlist("files")
    ]


@require_http_methods(ALL)
@page
def move(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    """The form, where one is asked; then the service. Whatever refuses it, what was typed is still
    there."""
    row = ticket_of(request, uid)
    known = moves.MOVES.get(slug)
    if known is None:
        raise NotFound("There is no such button.")
    policy.require(actor_of(request), known.action, row)
    data = request.POST if request.method == "POST" else None
    form = MoveForm(data, row, known)
    if data is None or not form.is_valid():
        return _ask(request, row, known, form, status=200 if data is None else 400)
    try:
        known.run(row, actor=actor_of(request), version=version_of(request), **form.given())
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        tell(form, error)
        return _ask(request, ticket_of(request, uid), known, form, status=error.status)
    messages.success(request, known.done.format(ref=row.ref))
    return HttpResponseRedirect(links.page_of(row))


def _ask(
    request: HttpRequest, row: Ticket, known: moves.Move, form: forms.Form, *, status: int
) -> HttpResponse:
    context = {
        "title": known.label, "row": row, "move": known, "form": form,
        "idle": moves.idle(known, row), "version": row.version,
    }  # fmt: skip
    return show(request, "move.html", context, status=status)


@require_POST
@page
def say(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """An answer, a question or an internal note: which, the button says."""
    row, actor = ticket_of(request, uid), actor_of(request)
    text, files = request.POST.get("text", ""), _sent(request)
    # Words that are meant for the desk are sent to nobody else, whatever was pressed.
    desk_only = bool(request.POST.get("desk_only"))
    kind = "note" if desk_only else request.POST.get("kind", "answer")
    try:
        if kind == "note":
            answering.add_note(row, actor=actor, text=text, files=files)
            done = "Noted, for the desk alone."
        else:
            answering.answer(row, actor=actor, text=text, files=files, ask=kind == "ask")
            done = "It goes out." if kind == "answer" else "It goes out; the ticket waits."
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        context = {"title": "Answer", "row": row, "text": text, "kind": kind,
                   "desk_only": desk_only, "say_url": request.path,
                   "refusal": error.message}  # fmt: skip
        return show(request, "say.html", context, status=error.status)
    messages.success(request, done)
    return HttpResponseRedirect(links.page_of(row))


@require_POST
@page
def canned_reply(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """A reply that is given often, with what this ticket says, to be looked over and sent."""
    row, actor = ticket_of(request, uid), actor_of(request)
    chosen = request.POST.get("reply", "")
    known = {str(each.uid): each for each in canned.for_ticket(row)}
    if chosen not in known:
        raise NotFound("There is no such reply here.")
    reply = known[chosen]
    text = canned.use(reply, row, actor=actor)
    context = {"title": reply.title, "row": row, "text": text,
               "desk_only": reply.audience == CannedReply.Audience.DESK,
               "say_url": reverse("tickets:say", args=(row.uid,))}  # fmt: skip
    return show(request, "say.html", context)


@require_POST
@page
def better(request: HttpRequest, uid: uuid.UUID, message: uuid.UUID) -> HttpResponse:
    row = ticket_of(request, uid)
    found = row.messages.filter(uid=message).select_related("ticket").first()
    if found is None:
        raise NotFound("Nothing of that was said here.")
    try:
        said.correct(found, request.POST.get("text", ""), actor=actor_of(request))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is said better; what was said first is kept.")
    return HttpResponseRedirect(links.page_of(row))


class ForgetForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=500)


@require_http_methods(ALL)
@page_for(forgetting.FORGET)
def forget(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = ticket_of(request, uid)
    policy.require(actor_of(request), forgetting.FORGET, row)
    data = request.POST if request.method == "POST" else None
    form = ForgetForm(data, label_suffix="")
    if data is None or not form.is_valid():
        context = {"title": "Erase who asked", "row": row, "form": form, "idle": ""}
        return show(request, "forget.html", context, status=200 if data is None else 400)
    forgetting.forget(row, actor=actor_of(request), **form.cleaned_data)
    messages.success(request, "Who asked is erased, and their words.")
    return HttpResponseRedirect(reverse("admin:incidents_ticket_changelist"))
