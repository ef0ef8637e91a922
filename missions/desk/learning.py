"""How it went, and what is learnt: the feedback of one person, the retrospective of all."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.access.policy import role_label
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.shown.packet import shown
from controlplane.approvals.web.delegate import refuse
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound
from missions import stages
from missions.desk import learning_forms as given
from missions.desk.asking import mission_of
from missions.models import Feedback, Mission, Retrospective
from missions.services.feedback import decline_feedback, give_feedback, may_answer
from missions.services.followups import add_followup
from missions.services.holding import hold, open_visit
from missions.services.retrospectives import (
    classify_reuse,
    retrospective_of,
    settle_training,
    write_retrospective,
)
from missions.services.training import add_training

MOST_PEOPLE = 500


def url_of(name: str, mission: Mission) -> str:
    return reverse(f"mission_desk:{name}", args=(mission.uid,))


def _seen(request: HttpRequest) -> int | None:
    """The version the form was made of; a page sent twice or later says so."""
    text = posted(request, "version", 12)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _tried(form: forms.Form, call: Callable[[], Any]) -> int:
    """Call the service; the status of its refusal, told beside the fields, or 0."""
    try:
        call()
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return CODES[error.error_code]
    return 0


# --- Feedback -----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def feedback(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    mission = mission_of(actor, uid)
    policy.require(actor, "mission.view", mission)
    answer = Feedback.objects.filter(mission=mission, person_id=actor.user_id).first()
    done = request.POST.get("do")
    give = given.FeedbackForm(
        request.POST if done == "give" else None, initial=given.told_in(answer)
    )
    decline = given.DeclineForm(request.POST if done == "decline" else None)
    status = 200
    if request.method == "POST":
        form: forms.Form = decline if done == "decline" else give
        status = _answered(form, mission, answer, actor, _seen(request))
        if not status:
            messages.success(request, "Thank you: it is noted.")
            return HttpResponseRedirect(url_of("mission", mission))
    decision = policy.can(actor, "mission.feedback", mission)
    context = {
        "title": f"How did {mission.ref} go?",
        "mission": mission,
        "answer": answer,
        "form": give,
        "decline": decline,
        "why_not": may_answer(mission) or ("" if decision else decision.reason),
        "version": answer.version if answer is not None else 0,
        "back": url_of("mission", mission),
    }
    return show(request, "missions/feedback.html", context, status=status)


def _answered(
    form: forms.Form, mission: Mission, answer: Feedback | None, actor: Actor, seen: int | None
) -> int:
    """0 when it is kept. A form that came twice has said the same already."""
    if not form.is_valid():
        return 400
    values = form.given() if isinstance(form, given.FeedbackForm) else {}
    reason = form.cleaned_data.get("reason", "")
    said = {**values, "declined_reason": reason}
    if answer is not None and all(getattr(answer, name) == said[name] for name in said):
        return 0
    if values:
        return _tried(form, lambda: give_feedback(mission, actor=actor, version=seen, **values))
    return _tried(form, lambda: decline_feedback(mission, actor=actor, reason=reason, version=seen))


# --- The retrospective --------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def retrospective(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    mission = mission_of(actor, uid)
    policy.require(actor, "mission.view", mission)
    found = retrospective_of(mission)
    pages = _forms(request, mission, found)
    status = 200
    if request.method == "POST":
        done = posted(request, "do", 20)
        if done not in pages:
            raise NotFound("There is no such form.")
        status = _kept(request, mission, pages[done], done, actor)
        if not status:
            return HttpResponseRedirect(url_of("retrospective", mission))
    return show(
        request,
        "missions/retrospective.html",
        _context(mission, found, pages, actor),
        status=status,
    )


def _forms(
    request: HttpRequest, mission: Mission, found: Retrospective | None
) -> dict[str, forms.Form]:
    def data(name: str) -> Any:
        return request.POST if request.POST.get("do") == name else None

    said: dict[str, Any] = {
        name: getattr(found, name) for name in given.RetrospectiveForm.base_fields if found
    }
    reuse = {"reuse": found.reuse, "reason": found.reuse_reason} if found else {}
    return {
        "write": given.RetrospectiveForm(data("write"), initial=said),
        "follow": given.FollowUpForm(people_of(mission), data("follow")),
        "learn": given.TrainingForm(people_of(mission), data("learn")),
        "settle": given.SettleForm(
            data("settle"), initial={"note": found.training_note} if found else {}
        ),
        "reuse": given.ReuseForm(data("reuse"), initial=reuse),
    }


def people_of(mission: Mission) -> list[User]:
    held = Grant.objects.held().of_active_people()
    here = held.filter(membership__workspace_id=mission.workspace_id)
    rows = User.objects.filter(pk__in=here.values("membership__user_id"))
    return list(rows.order_by("name", "email")[:MOST_PEOPLE])


def _kept(request: HttpRequest, mission: Mission, form: forms.Form, done: str, actor: Actor) -> int:
    if not form.is_valid():
        return 400
    said, seen = form.cleaned_data, _seen(request)
    if _stands(mission, done, said):
        return 0  # the form came twice
    if done == "write":
        status = _tried(
            form, lambda: write_retrospective(mission, actor=actor, version=seen, **said)
        )
    elif done == "reuse":
        status = _tried(
            form,
            lambda: classify_reuse(
                mission, said["reuse"], actor=actor, reason=said["reason"], version=seen
            ),
        )
    elif done == "settle":
        status = _tried(
            form,
            lambda: settle_training(mission, actor=actor, note_=said["note"], version=seen),
        )
    elif done == "learn":
        status = _tried(form, lambda: _learn(mission, actor, said))
    else:
        owner = User.objects.filter(uid=said["owner"]).first()
        status = _tried(
            form,
            lambda: add_followup(
                mission, actor=actor, title=said["title"], owner=owner, due_on=said["due_on"],  # type: ignore[arg-type]
            ),
        )  # fmt: skip
    if not status:
        messages.success(request, "Saved.")
    return status


def _stands(mission: Mission, done: str, said: dict[str, Any]) -> bool:
    """Whether all of it stands in the retrospective of this very visit."""
    visit = open_visit(mission)
    found = Retrospective.objects.filter(visit=visit).first() if visit is not None else None
    if found is None:
        return False
    if done == "write":
        return found.written_at is not None and all(
            getattr(found, name) == value for name, value in said.items()
        )
    if done == "reuse":
        return (found.reuse, found.reuse_reason) == (said["reuse"], said["reason"])
    return (
        done == "settle" and found.training_at is not None and found.training_note == said["note"]
    )


def _learn(mission: Mission, actor: Actor, said: dict[str, Any]) -> None:
    """The same again, word for word, is there already: a form that was sent twice."""
    owner = User.objects.filter(uid=said["owner"]).first() if said["owner"] else None
    with transaction.atomic():
        row = hold(mission)
        there = row.training.open().filter(title=said["title"].strip(), role=said["role"])
        if there.exists():
            return
        add_training(
            row.workspace, actor=actor, mission=row, title=said["title"], role=said["role"],
            detail=said["detail"], owner=owner, due_on=said["due_on"],
        )  # fmt: skip


def _context(
    mission: Mission, found: Retrospective | None, pages: dict[str, forms.Form], actor: Actor
) -> dict[str, Any]:
    here = mission.is_under_way and mission.stage == stages.LAST
    may = {name: here and bool(policy.can(actor, action, mission)) for name, action in _ACTIONS}
    return {
        "title": f"Retrospective of {mission.ref}",
        "mission": mission,
        "found": found,
        "version": _version(mission, found),
        "forms": {name: form if may[name] else None for name, form in pages.items()},
        "figures": shown(found.figures) if found is not None and found.figures else None,
        "follow_ups": list(
            found.followups.standing().select_related("owner", "item").order_by("due_on", "pk")
        )
        if found is not None
        else [],
        "training": [
            (row, role_label(row.role))
            for row in mission.training.select_related("owner").order_by("pk")
        ],
        "here": here,
        "last": stages.get(stages.LAST).label,
        "back": url_of("mission", mission),
    }


def _version(mission: Mission, found: Retrospective | None) -> int:
    """Of what is written in this visit; after a rejection nothing is yet, and the form holds what
    was written before."""
    visit = open_visit(mission)
    if found is None or (visit is not None and found.visit_id != visit.pk):
        return 0
    return found.version


_ACTIONS = (
    ("write", "mission.retrospective"),
    ("follow", "mission.retrospective"),
    ("learn", "mission.training"),
    ("settle", "mission.classify"),
    ("reuse", "mission.classify"),
)


# --- What the inbox says ------------------------------------------------------------------------


def asked_for(actor: Actor, workspace_id: int | None) -> list[tuple[str, str, str]]:
    """Feedback this person was asked for and has not given."""
    rows = Feedback.objects.visible_to(actor).waiting().of_person(actor.user_id)
    if workspace_id is not None:
        rows = rows.filter(mission__workspace_id=workspace_id)
    return [
        (
            f"{row.mission.ref} {row.mission.title}",
            url_of("feedback", row.mission),
            "A minute, once",
        )
        for row in rows.select_related("mission").order_by("asked_at")[:10]
        if not may_answer(row.mission)
    ]
