"""Meetings: what comes next, holding one, what was noted."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import NotFound
from missions import links, stages
from missions.admin.forms import PersonField
from missions.models import FollowUp, Meeting, MeetingSeries
from missions.services import cadence, followups, unheld
from missions.shown import meetings as shown
from missions.shown import minutes
from missions.web.common import page, show
from missions.web.learning import DAY, _data, _Form, _long, one_of
from missions.web.people import people_in

NOTES = "admin:missions_meeting_changelist"


@require_http_methods(["GET", "HEAD", "POST"])
@page
def board(request: HttpRequest) -> HttpResponse:
    """What comes next, what is still to do from before, what was held."""
    actor = actor_of(request)
    policy.require(actor, "meeting.view")
    where = workspace_for(request, "meeting.hold")
    status, error = 200, None
    if request.method == "POST":
        target = _posted(request, actor, where)
        return HttpResponseRedirect(target)
    chosen = workspace_of(request)
    rows = MeetingSeries.objects.visible_to(actor).running().select_related("workspace")
    rows = rows.of(chosen) if chosen is not None else rows
    held = Meeting.objects.visible_to(actor).select_related("series__workspace")
    follows = FollowUp.objects.visible_to(actor).open().select_related("owner", "item")
    if chosen is not None:
        held = held.filter(series__workspace=chosen)
        follows = follows.of(chosen)
    context = {
        "title": "Meetings",
        "coming": shown.coming(rows, held, actor, clock.now()),
        "held": [(row, links.meeting_page(row)) for row in held.order_by("-planned_at")[:20]],
        "follows": shown.follow_rows(follows.order_by("due_on", "pk")[:20]),
        "may_plan": bool(policy.can(actor, "meeting.schedule", where)),
        "where": where,
        "notes_url": reverse(NOTES),
        "series_url": reverse("admin:missions_meetingseries_changelist"),
        "followups_url": reverse("admin:missions_followup_changelist"),
    }
    return show(request, "learning/meetings.html", context, error=error, status=status)


def _posted(request: HttpRequest, actor: Any, where: Any) -> str:
    """Plan the usual five, or begin the next of a series."""
    if request.POST.get("do") == "plan":
        made = cadence.plan_usual(where, actor=actor)
        messages.success(request, f"{len(made)} planned." if made else "They are planned already.")
        return links.meetings()
    rows = MeetingSeries.objects.visible_to(actor).select_related("workspace")
    try:
        asked = uuid.UUID(request.POST.get("series", ""))
    except ValueError:
        raise NotFound("There is no such meeting.") from None
    series = rows.filter(uid=asked).first()
    if series is None:
        raise NotFound("There is no such meeting.")
    return links.meeting_page(cadence.begin_meeting(series, actor=actor))


class NotesForm(_Form):
    do = "notes"
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    attendees = forms.CharField(label="Who was there", max_length=1_000, required=False)
    notes = _long("Notes", "One line will do.", rows=8, most=16_000)
    decisions = _long("Decisions", rows=4, most=16_000)
    stages = forms.MultipleChoiceField(
        label="About the stages", choices=stages.CHOICES, required=False,
        widget=forms.CheckboxSelectMultiple, help_text="By these one finds the notes again.",
    )  # fmt: skip


class AfterwardsForm(_Form):
    do = "afterwards"
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    text = _long(
        "Why, or what was agreed all the same", "Said once: it stays.", rows=4, most=16_000
    )


class FollowForm(_Form):
    do = "follow"
    title = forms.CharField(label="What is to be done", max_length=200)
    owner = PersonField(queryset=User.objects.none(), label="By whom")
    due_on = forms.DateField(label="Until", widget=DAY)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def meeting(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    policy.require(actor, "meeting.view")
    row = _meeting(request, actor, uid)
    names = ("version", "attendees", "notes", "decisions", "stages")
    notes = NotesForm(
        _data(request, "close") or _data(request, "notes"),
        initial={name: getattr(row, name) for name in names},
    )
    after = AfterwardsForm(_data(request, "afterwards"), initial={"version": row.version})
    follow = FollowForm(_data(request, "follow"))
    follow.fields["owner"].queryset = people_in(row.series.workspace)  # type: ignore[attr-defined]
    status = 200
    if request.method == "POST":
        said, status = one_of(request, _meeting_forms(row, actor, notes, follow, after))
        if said:
            messages.success(request, said)
            return HttpResponseRedirect(links.meeting_page(row))
    decision = policy.can(actor, "meeting.hold", row)
    open_ = row.closed_at is None
    follows = row.followups.standing().select_related("owner", "item").order_by("due_on", "pk")
    context = {
        "title": str(row),
        "meeting": row,
        "agenda": row.agenda,
        "notes": notes if open_ and decision else None,
        "follow": follow if open_ and decision else None,
        "after": after if row.missed_at and not row.afterwards and decision else None,
        "refusal": "" if decision else f"Not by you: {decision.reason}.",
        "follows": shown.follow_rows(follows),
        "about": [stages.get(each).label for each in row.stages],
        "meetings_url": links.meetings(),
        "file_url": reverse("missions:meeting_file", args=(row.uid,)),
    }
    return show(request, "learning/meeting.html", context, status=status)


@require_safe
@page
def as_file(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Its agenda and notes as Markdown, to be passed on."""
    actor = actor_of(request)
    policy.require(actor, "meeting.view")
    row = _meeting(request, actor, uid)
    answer = HttpResponse(minutes.written(row), content_type="text/markdown; charset=utf-8")
    name = f"{row.series.cadence}-{row.planned_at:%Y-%m-%d}.md"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _meeting_forms(row: Meeting, actor: Any, notes: Any, follow: Any, late: Any) -> dict[str, Any]:
    def write(data: dict[str, Any]) -> str:
        cadence.write_notes(row, actor=actor, **data)
        return "Saved."

    def close(data: dict[str, Any]) -> str:
        cadence.close_meeting(row, actor=actor, **data)
        return "The notes are closed and stay as they are."

    def after(data: dict[str, Any]) -> str:
        made = followups.add_meeting_followup(row, actor=actor, **data)
        return f"{made.title}: by {made.owner.name or made.owner.email} until {made.due_on}."

    def say(data: dict[str, Any]) -> str:
        unheld.say_afterwards(row, actor=actor, **data)
        return "It stands with the meeting."

    return {"notes": (notes, write), "close": (notes, close), "follow": (follow, after),
            "afterwards": (late, say)}  # fmt: skip


def _meeting(request: HttpRequest, actor: Any, uid: uuid.UUID) -> Meeting:
    rows = Meeting.objects.visible_to(actor).select_related("series__workspace")
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.filter(series__workspace=chosen)
    found: Meeting | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such meeting.")
    return found
