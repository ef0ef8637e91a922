"""Pages of a mission's end: what people say, the retrospective, the library."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access.models import User
from controlplane.access.policy import can
from controlplane.access.role_table import ROLES
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import links
from missions.admin.forms import PersonField
from missions.models import Asset, Mission, Retrospective
from missions.services import asset_use, followups, retrospectives
from missions.services import feedback as answers
from missions.services import training as trainings
from missions.shown import learning as shown
from missions.web.common import mission_of, page, show
from missions.web.people import people_in

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
_STARS = [("5", "5"), ("4", "4"), ("3", "3"), ("2", "2"), ("1", "1")]
Act = Callable[[dict[str, Any]], str]


class _Form(forms.Form):
    """Several stand on one page: each names its fields apart (`prefix`) and itself (`do`)."""

    do = ""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix=self.do, **kwargs)
        for field in self.fields.values():
            field.label_suffix = ""


def _long(label: str, hint: str = "", rows: int = 3, most: int = 8_000) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=hint, max_length=most, required=False,
        widget=forms.Textarea(attrs={"rows": rows}),
    )  # fmt: skip


def _reason(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(
        label=label, help_text=hint, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )


def acted(request: HttpRequest, form: forms.Form, act: Act) -> tuple[str, int]:
    """What was done, in words, or the refusal placed in the form and its status."""
    if not form.is_valid():
        return "", 400
    try:
        return act(dict(form.cleaned_data)), 200
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        _beside(form, error)
        return "", error.status


# What a service calls otherwise than its form does.
_NAMES = {"effort_saved_minutes": "hours"}


def _beside(form: forms.Form, error: ControlPlaneError) -> None:
    """Beside the field it is about; what is about a field that nobody sees, above them all."""
    shown = {field.name for field in form.visible_fields()}
    about = {_NAMES.get(name, name): said for name, said in error.details.items()}
    placed = [(name, said) for name, said in about.items() if name in shown]
    for name, said in placed:
        form.add_error(name, " ".join(said) if isinstance(said, list) else str(said))
    if not placed:
        form.add_error(None, error.message)


def one_of(request: HttpRequest, forms_: dict[str, tuple[forms.Form, Act]]) -> tuple[str, int]:
    """The form that was sent, by its name."""
    chosen = forms_.get(request.POST.get("do", ""))
    if chosen is None:
        raise NotFound("There is no such form here.")
    return acted(request, *chosen)


def _data(request: HttpRequest, do: str) -> Any:
    return request.POST if request.method == "POST" and request.POST.get("do") == do else None


# --- Feedback -----------------------------------------------------------------------------------


class FeedbackForm(_Form):
    do = "give"
    rating = forms.TypedChoiceField(
        label="What came of it", choices=_STARS, coerce=int, widget=forms.RadioSelect,
        help_text="5 is the best.",
    )  # fmt: skip
    satisfaction = forms.TypedChoiceField(
        label="Working with the agents", choices=_STARS, coerce=int, widget=forms.RadioSelect,
        required=False, empty_value=None, help_text="If you did.",
    )  # fmt: skip
    hours = forms.DecimalField(
        label="Hours it saved you", required=False, min_value=0, max_value=10_000,
        max_digits=7, decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    blockers = _long("What stood in the way", rows=2, most=4_000)
    text = _long("Anything else", rows=3)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class DeclineForm(_Form):
    do = "decline"
    reason = _reason("Why not", "It counts as an answer, and you are not asked again.")


class AskForm(_Form):
    do = "ask"
    person = PersonField(queryset=User.objects.none(), label="Who is asked")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def feedback(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = mission_of(request, uid), actor_of(request)
    mine = row.feedback.filter(person_id=actor.user_id).first() if actor.user_id else None
    give = FeedbackForm(_data(request, "give"), initial=shown.said_before(mine))
    decline, ask = DeclineForm(_data(request, "decline")), AskForm(_data(request, "ask"))
    ask.fields["person"].queryset = people_in(row.workspace).exclude(  # type: ignore[attr-defined]
        pk__in=row.feedback.values("person_id")
    )
    status = 200
    if request.method == "POST":
        forms_ = _feedback_forms(row, actor, give, decline, ask)
        said, status = one_of(request, forms_)
        if said:
            messages.success(request, said)
            return HttpResponseRedirect(links.feedback_of(row))
    refusal = answers.may_answer(row) or _refusal(actor, "mission.feedback", row)
    context = {
        "title": "How it went",
        "mine": mine,
        "give": None if refusal else give,
        "decline": None if refusal or (mine is not None and mine.status != "asked") else decline,
        "ask": ask if can(actor, "mission.ask_feedback", row) and not answers.may_answer(row)
        else None,
        "refusal": refusal,
        **shown.answers_of(row),
    }  # fmt: skip
    return show(request, "learning/feedback.html", context, row=row, status=status)


def _feedback_forms(row: Mission, actor: Any, *given: forms.Form) -> dict[str, Any]:
    def give(data: dict[str, Any]) -> str:
        hours: Decimal | None = data.pop("hours")
        minutes = None if hours is None else round(hours * 60)
        answers.give_feedback(row, actor=actor, effort_saved_minutes=minutes, **data)
        return "Thank you. It counts."

    def decline(data: dict[str, Any]) -> str:
        answers.decline_feedback(row, actor=actor, **data)
        return "Noted; you are not asked again."

    def ask(data: dict[str, Any]) -> str:
        answers.ask_feedback(row, [data["person"]], actor=actor)
        return f"{data['person'].name or data['person'].email} is asked."

    return dict(
        zip(("give", "decline", "ask"), zip(given, (give, decline, ask), strict=True), strict=True)
    )


def _refusal(actor: Any, action: str, row: Any) -> str:
    decision = can(actor, action, row)
    return "" if decision else f"Not by you: {decision.reason}."


# --- The retrospective --------------------------------------------------------------------------


class WriteForm(_Form):
    do = "write"
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    summary = _long(
        "Summary", "What came of it, for somebody who was not there. It is signed.", rows=4
    )
    went_well = _long("What went well")
    to_improve = _long("What to do otherwise")
    kpi_actual = forms.DecimalField(
        label="The KPI in the end", required=False, max_digits=18, decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    kpi_note = forms.CharField(
        label="About that figure", required=False, max_length=500,
        help_text="Where it is from, or when one will know.",
    )  # fmt: skip


class ReuseForm(_Form):
    do = "reuse"
    reuse = forms.ChoiceField(
        label="Can it be used again?", widget=forms.RadioSelect,
        choices=[each for each in Retrospective.Reuse.choices if each[0]],
    )  # fmt: skip
    reason = _reason("Because")


class LearnForm(_Form):
    do = "learn"
    title = forms.CharField(
        label="What should be learnt", max_length=200, required=False,
        help_text="One line for the training backlog; nothing, if there is nothing.",
    )  # fmt: skip
    role = forms.ChoiceField(
        label="By whom", choices=[(slug, label) for slug, (label, _) in ROLES.items()],
        initial="mission_owner",
    )  # fmt: skip
    note = forms.CharField(label="Or why there is nothing", max_length=500, required=False)


class FollowForm(_Form):
    do = "follow"
    title = forms.CharField(label="What is to be done", max_length=200)
    owner = PersonField(queryset=User.objects.none(), label="By whom")
    due_on = forms.DateField(label="Until", widget=DAY)


class CountForm(_Form):
    do = "count"


@require_http_methods(["GET", "HEAD", "POST"])
@page
def retrospective(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = mission_of(request, uid), actor_of(request)
    found = retrospectives.retrospective_of(row)
    state = shown.standing_of(row, found)
    write = WriteForm(_data(request, "write"), initial=shown.written_before(found, state.open))
    reuse = ReuseForm(_data(request, "reuse"), initial=shown.classified_before(found))
    learn, follow = LearnForm(_data(request, "learn")), FollowForm(_data(request, "follow"))
    follow.fields["owner"].queryset = people_in(row.workspace)  # type: ignore[attr-defined]
    status = 200
    if request.method == "POST":
        count = CountForm(_data(request, "count"))
        said, status = one_of(
            request, _retrospective_forms(row, actor, write, reuse, learn, follow, count)
        )
        if said:
            messages.success(request, said)
            return HttpResponseRedirect(links.retrospective_of(row))
    may = state.open and bool(can(actor, "mission.retrospective", row))
    curates = state.open and bool(can(actor, "mission.classify", row))
    context = {
        "title": "Retrospective",
        "state": state,
        "write": write if may else None,
        "follow": follow if may else None,
        "reuse": reuse if curates else None,
        "learn": learn if curates else None,
        "refusal": state.refusal or _refusal(actor, "mission.retrospective", row),
        "asset_url": shown.asset_url(row, actor),
        **shown.retrospective(row, found),
    }
    return show(request, "learning/retrospective.html", context, row=row, status=status)


def _retrospective_forms(row: Mission, actor: Any, *given: forms.Form) -> dict[str, Any]:
    def write(data: dict[str, Any]) -> str:
        retrospectives.write_retrospective(row, actor=actor, **data)
        return "Saved; the figures are taken anew."

    def reuse(data: dict[str, Any]) -> str:
        retrospectives.classify_reuse(row, data["reuse"], actor=actor, reason=data["reason"])
        return "Classified."

    def learn(data: dict[str, Any]) -> str:
        if data["title"]:
            trainings.add_training(
                row.workspace, actor=actor, title=data["title"], role=data["role"], mission=row
            )
        retrospectives.settle_training(row, actor=actor, note_=data["note"])
        return "It stands in the training backlog." if data["title"] else "Noted."

    def follow(data: dict[str, Any]) -> str:
        made = followups.add_followup(row, actor=actor, **data)
        return f"{made.title}: by {made.owner.name or made.owner.email} until {made.due_on}."

    def count(data: dict[str, Any]) -> str:
        retrospectives.refresh_figures(row, actor=actor)
        return "The figures are those of now."

    names = ("write", "reuse", "learn", "follow", "count")
    return dict(
        zip(names, zip(given, (write, reuse, learn, follow, count), strict=True), strict=True)
    )


# --- The library, as one mission sees it --------------------------------------------------------


class AssetField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.title} (version {obj.number})"


class UseForm(_Form):
    do = "use"
    asset = AssetField(queryset=Asset.objects.none(), label="Planned from")
    note = forms.CharField(label="What of it", max_length=500, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def used(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """What a mission was planned from, and what was made of it."""
    row, actor = mission_of(request, uid), actor_of(request)
    use = UseForm(_data(request, "use"))
    rows = Asset.objects.of(row.workspace_id).published().exclude(uses__mission=row)
    choices = rows.exclude(source_mission=row).defer("text", "search").order_by("title")
    use.fields["asset"].queryset = choices  # type: ignore[attr-defined]
    status = 200
    if request.method == "POST":

        def act(data: dict[str, Any]) -> str:
            done = asset_use.use_asset(row, data["asset"], actor=actor, note_=data["note"])
            return f"{row.ref} is planned from {done.asset.title}, version {done.used.number}."

        said, status = one_of(request, {"use": (use, act)})
        if said:
            messages.success(request, said)
            return HttpResponseRedirect(links.library_of(row))
    may = row.is_open and bool(can(actor, "library.use", row))
    context = {
        "title": "Library",
        "use": use if may else None,
        "refusal": "" if row.is_open else "It has ended: what it was made from is history.",
        "asset_url": shown.asset_url(row, actor),
        "library_url": shown.LIBRARY,
        **shown.library(row),
    }
    return show(request, "learning/library.html", context, row=row, status=status)
