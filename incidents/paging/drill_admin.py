"""Drills: begun with a reason, ended and scored, and what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import button
from controlplane.base.web import actor_of
from incidents.gamedays import playing, script, shown
from incidents.models import Drill, Page, RunbookRun
from incidents.paging import drilling, policies
from incidents.paging.admin import _here
from incidents.records import levels

if TYPE_CHECKING:
    _Form = forms.ModelForm[Drill]
else:
    _Form = forms.ModelForm
_PARTS = {
    "called_s": "Somebody is called",
    "sent_s": "A message has left the house",
    "acknowledged_s": "Somebody answers",
}


class DrillForm(_Form):
    scene = forms.ChoiceField(
        label="What is drilled", required=False,
        choices=[
            ("", "The call alone: that somebody answers in time"),
            ("A game day, from the first call to the review",
             [(each.slug, each.title) for each in script.SCENES.values()]),
        ],
        help_text="A game day is played on its incident's page, phase by phase.",
    )  # fmt: skip
    severity = forms.ChoiceField(label="As grave as", initial="sev1")
    ladder = forms.ChoiceField(label="By the policy", required=False)
    reason = forms.CharField(
        label="Why", max_length=500, help_text="Whoever looks back reads what it was for."
    )

    class Meta:
        model = Drill
        fields = ("title", "notes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "title" in self.fields:
            self.fields["title"].required = False
            self.fields["title"].help_text = "Empty: what is drilled."
            self.fields["title"].label_suffix = ""

    def offer(self, workspace: Any) -> None:
        """The levels and policies that hold in a workspace."""
        fields: dict[str, Any] = self.fields
        if "severity" in fields:
            known = levels.of(workspace.pk).values()
            fields["severity"].choices = [(row.code, row.title) for row in known if row.pages]
            fields["ladder"].choices = [
                ("", "The one of its level"),
                *((slug, row.title) for slug, row in policies.in_force(workspace.pk).items()),
            ]


def _running(row: Drill) -> str:
    if row.kind == Drill.Kind.RUNBOOK:
        return "It ends with its run."
    return "" if row.status == Drill.Status.RUNNING else "It does not run."


def _service(row: Drill, paging: Any, game_day: Any) -> Any:
    return game_day if row.kind == Drill.Kind.GAME_DAY else paging


@admin.register(Drill)
class DrillAdmin(ModelAdmin[Drill]):
    list_name = "Drills"
    view_action = "paging.view"
    add_action = change_action = "paging.drill"
    about = "Calls and whole incidents for practice: who answered, how soon, what that is worth."
    tabs = (("All", "view=all"), ("Game days", "kind__exact=game_day"))
    empty = "No drill yet."
    empty_hint = "Begin one: whoever is on duty is really called, and told that it is a drill."
    list_display = ["title", "kind", "status", "score_", "started_at"]
    list_filter = ("kind", "status")
    phone_columns = ("status", "score_")
    list_select_related = ["incident"]
    form = DrillForm
    add_fields = ("scene", "title", "severity", "ladder", "reason")
    edit_fields = ("notes",)
    panel_template = "incidents/panel_drill.html"
    head_state = "status"
    facts = (
        *("status", "title", "kind", "incident_", "score_", "notes"),
        *("started_by", "started_at", "ended_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "score_": "Score", "incident_": "Incident", "notes": "What was learned",
        "started_by": "Begun by", "started_at": "Begun", "ended_at": "Ended",
    }  # fmt: skip

    @admin.display(description="Score")
    def score_(self, obj: Drill) -> str:
        return "" if obj.score is None else f"{obj.score} %"

    @admin.display(description="Incident")
    def incident_(self, obj: Drill) -> str:
        return str(obj.incident or "")

    def panel_context(self, request: HttpRequest, obj: Drill) -> Mapping[str, Any]:
        """What was to happen by when, what did, and everybody who was called."""
        if obj.kind == Drill.Kind.RUNBOOK:
            return _of_runbook(obj)
        if obj.kind == Drill.Kind.GAME_DAY:
            return {"game_day": True, **shown.of_drill(obj)}
        seen = obj.seen
        if obj.status == Drill.Status.RUNNING and obj.incident is not None:
            seen = drilling.measure(obj, obj.incident)
        rows = Page.objects.filter(incident=obj.incident_id or 0)
        pages = rows.select_related("user", "channel", "contact")
        return {
            "parts": [_part(name, said, obj, seen) for name, said in _PARTS.items()],
            "calls": pages.order_by("pk")[:50],
            "running": obj.status == Drill.Status.RUNNING,
        }

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        if kwargs.get("change"):
            return form

        class Offered(form):  # type: ignore[valid-type, misc]
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                self.offer(_here(request))

        return Offered

    def service_save(self, request: HttpRequest, obj: Drill, form: Any, change: bool) -> Drill:
        given, actor = form.cleaned_data, actor_of(request)
        if change:
            return drilling.note_result(obj, given["notes"], actor=actor)
        if given["scene"]:
            return playing.begin_game_day(
                _here(request), actor=actor, scene=given["scene"], severity=given["severity"],
                title=given["title"], reason=given["reason"],
            )  # fmt: skip
        return drilling.begin_drill(
            _here(request), actor=actor, severity=given["severity"], title=given["title"],
            policy_slug=given["ladder"], reason=given["reason"],
        )  # fmt: skip

    @button(
        label="End and score", action="paging.drill", when=_running,
        confirm="Its incident is put away, and what was done is scored.",
    )  # fmt: skip
    def end(self, request: HttpRequest, obj: Drill, reason: str) -> str:
        end = _service(obj, drilling.end_drill, playing.end_game_day)
        done = end(obj, actor=actor_of(request))
        return f"The drill is over: {done.score} %."

    @button(label="Break off", action="paging.drill", reason=True, quiet=True, when=_running)
    def break_off(self, request: HttpRequest, obj: Drill, reason: str) -> str:
        cancel = _service(obj, drilling.cancel_drill, playing.cancel_game_day)
        cancel(obj, actor=actor_of(request), reason=reason)
        return "The drill is broken off."


def _of_runbook(row: Drill) -> dict[str, Any]:
    """How much of it was done, and the run that it was."""
    run = RunbookRun.objects.filter(drill=row).first()
    return {"steps": row.seen or row.asked, "run": run,
            "running": row.status == Drill.Status.RUNNING}  # fmt: skip


def _part(name: str, said: str, row: Drill, seen: Mapping[str, Any]) -> dict[str, Any]:
    took, goal = seen.get(name), row.asked.get(name)
    if took is None:
        tone, state = ("neutral", "not yet") if row.ended_at is None else ("bad", "never")
    elif goal is not None and took > goal:
        tone, state = "warn", "late"
    else:
        tone, state = "good", "in time"
    worth = drilling.worth(name.removesuffix("_s"), took, goal)
    return {"said": said, "goal": goal, "took": took, "tone": tone, "state": state, "worth": worth}
