"""Hand-off notes: writing one, and saying that one has read it."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.audit.services import record_denied
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import open_items, services
from controlplane.oncall.links import page_of
from controlplane.oncall.models import HandoffNote
from controlplane.oncall.services.handing import LONGEST
from controlplane.oncall.web.asking import back_of
from controlplane.oncall.web.common import page, schedule_of, show

LAST = 3


class NoteForm(forms.Form):
    text = forms.CharField(
        label="What the next one should know",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What is odd, what you began, whom you wait for. If nothing is open, say so.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def write_note(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    schedule, actor = schedule_of(request, uid), actor_of(request)
    policy.require(actor, "oncall.override", schedule)
    notes = HandoffNote.objects.visible_to(actor).filter(schedule=schedule)
    draft = notes.filter(person_id=actor.user_id, handed_at=None).first()
    due = notes.to_write(actor.user_id or 0).first()
    begun = {"text": draft.text} if draft is not None and due is None else {}
    form = NoteForm(request.POST or None, initial=begun, label_suffix="")
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                row = services.write_note(schedule, actor=actor, text=form.cleaned_data["text"])
            except ControlPlaneError as error:
                if isinstance(error, NotAllowed):
                    record_denied(error)
                status = error.status
                tell(form, error)
            else:
                kept = "It is kept, and goes out when your shift ends."
                messages.success(request, kept if row.status == "draft" else "It is handed over.")
                return HttpResponseRedirect(page_of(schedule))
    context = {
        "title": "Hand-off note",
        "schedule": schedule,
        "back": page_of(schedule),
        "form": form,
        "due": due,
        "items": open_items.listed(schedule, clock.now()),
        "notes": notes.handed().select_related("person").order_by("-handed_at")[:LAST],
    }
    return show(request, "note.html", context, status=status)


@require_POST
@page
def read(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    found = HandoffNote.objects.visible_to(actor).select_related("schedule").filter(uid=uid).first()
    if found is None:
        raise NotFound("No such note.")
    services.read_note(found, actor=actor)
    messages.success(request, "Read. Whoever wrote it sees so.")
    return HttpResponseRedirect(back_of(request, reverse("oncall:board")))
