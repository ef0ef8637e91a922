"""Missions: the list, and the page of one with its gates and what can be done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access.models import User
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton, buttons_of
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from missions import services, stages
from missions.admin.forms import MissionForm
from missions.gates.looking import Look, entry_checks, exit_checks
from missions.models import Mission
from missions.services.holding import brief_of, open_visit
from missions.shown import page

LOCKED = "The brief is locked already."
OPEN = "The brief is open."
ASKED = "It is asked already."
NOT_ASKED = "Nothing is asked."
FIRST = "It is in the first stage."
KEPT = "It is there already."


def _only(*statuses: str) -> Callable[[Mission], str]:
    def when(mission: Mission) -> str:
        if mission.status in statuses:
            return ""
        return f"It is {mission.get_status_display().lower()}."

    return when


def _unmet(checks: Any) -> str:
    return " ".join(each.sentence for each in checks if not each.is_settled)[:600]


def _startable(mission: Mission) -> str:
    return _only("draft")(mission) or _unmet(entry_checks(Look(mission)))


def _status_of_question(mission: Mission) -> str:
    visit = open_visit(mission)
    return visit.approval.status if visit is not None and visit.approval is not None else ""


def _lockable(mission: Mission) -> str:
    elsewhere = _only("active")(mission)
    return elsewhere or (LOCKED if brief_of(mission).is_locked else "")


def _unlockable(mission: Mission) -> str:
    elsewhere = _only("active", "paused")(mission)
    return elsewhere or ("" if brief_of(mission).is_locked else OPEN)


def _askable(mission: Mission) -> str:
    elsewhere = _only("active")(mission)
    if elsewhere:
        return elsewhere
    if _status_of_question(mission) in {"open", "approved"}:
        return ASKED
    return _unmet(exit_checks(Look(mission), signed=False))


def _withdrawable(mission: Mission) -> str:
    elsewhere = _only("active", "paused")(mission)
    return elsewhere or ("" if _status_of_question(mission) == "open" else NOT_ASKED)


def _movable(mission: Mission) -> str:
    elsewhere = _only("active")(mission)
    if elsewhere:
        return elsewhere
    if _status_of_question(mission) != "approved":
        return NOT_ASKED
    look, following = Look(mission), stages.after(mission.stage)
    onward = entry_checks(look, following.slug) if following is not None else []
    return _unmet([*exit_checks(look), *onward])


def _returnable(mission: Mission) -> str:
    elsewhere = _only("active", "paused")(mission)
    return elsewhere or (FIRST if mission.stage == stages.FIRST else "")


def _stored(mission: Mission) -> str:
    elsewhere = _only("completed", "cancelled", "failed")(mission)
    return elsewhere or (KEPT if mission.archived_at is not None else "")


def _before(mission: Mission) -> stages.Stage:
    return stages.get(stages.SLUGS[max(stages.SLUGS.index(mission.stage) - 1, 0)])


@admin.register(Mission)
class MissionAdmin(ModelAdmin[Mission]):
    view_action = "mission.view"
    add_action = "mission.create"
    change_action = "mission.change"
    about = "Work given to agents: what is wanted, where it stands, who signs."
    tabs = (
        ("Under way", "standing=under_way"),
        ("To sign", "standing=to_sign"),
        ("Overdue", "standing=overdue"),
        ("Ended", "standing=ended"),
        ("All", "view=all"),
    )
    empty = "No mission is under way."
    empty_hint = "Plan one here, or let an agent do it: POST /api/v1/missions."
    list_display = ["what", "status", "in_stage", "owner", "priority", "due_on", "mission_type"]
    phone_columns = ("status", "in_stage", "due_on")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "under_way": ("Under way", lambda rows: rows.open().kept_in_sight()),
                "to_sign": ("To sign", lambda rows: rows.to_sign()),
                "overdue": ("Overdue", lambda rows: rows.overdue()),
                "ended": ("Ended", lambda rows: rows.ended().kept_in_sight()),
                "archived": ("Archived", lambda rows: rows.exclude(archived_at=None)),
            },
        ),
        *("stage", "status", "priority", "source"),
    )
    list_select_related = ["owner"]
    search_fields = ["ref", "title", "external_ref"]
    in_palette = True
    form = MissionForm
    add_fields = (
        "title", "intent", "owner", "mission_type", "persona", "priority", "due_on", "tags",
    )  # fmt: skip
    edit_fields = add_fields
    panel_template = "missions/panel.html"
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Mission", "in_stage": "Stage", "due_on": "Due", "mission_type": "Type",
        "pause_reason": "Paused because", "close_reason": "How it ended", "persona": "For whom",
        "external_ref": "Outside reference", "source": "By way of", "started_at": "Started",
        "closed_at": "Ended", "archived_at": "Archived",
    }  # fmt: skip
    head_state = "status"
    head_owner = "owner"
    facts = (
        *("status", "owner", "ref", "in_stage", "priority", "due_on", "flag", "persona", "tagged"),
        *("item", "intent", "pause_reason", "close_reason", "started_at", "closed_at"),
        *("archived_at", "external_ref", "legacy", "source", "created_by", "created_at", "version"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner", "workspace", "item")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        if "owner" in form.base_fields:
            form.base_fields["owner"].queryset = _people(request)
        return form

    # --- In the list, and facts -------------------------------------------------------------

    @admin.display(description="Mission", ordering="title")
    def what(self, obj: Mission) -> SafeString:
        return format_html('{} <span class="quiet">{}</span>', obj.title, obj.ref)

    @admin.display(description="Stage", ordering="stage")
    def in_stage(self, obj: Mission) -> str:
        return "–" if obj.status == Mission.Status.DRAFT else stages.get(obj.stage).label

    @admin.display(description="Tags")
    def tagged(self, obj: Mission) -> str:
        return ", ".join(obj.tags)

    @admin.display(description="Flag of its type")
    def flag(self, obj: Mission) -> str:
        return obj.flag_name

    @admin.display(description="Stage of the old system")
    def legacy(self, obj: Mission) -> str:
        return ", ".join(stages.LEGACY_LABELS.get(name, name) for name in obj.stage_legacy)

    def heading(self, obj: Mission) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: Mission) -> Mapping[str, Any]:
        return page.panel(obj, actor_of(request), request)

    # --- Writes -----------------------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: Mission, form: forms.ModelForm[Mission], change: bool
    ) -> Mission:
        actor, given = actor_of(request), dict(form.cleaned_data)
        if change:
            if given.get("owner") is None:
                given.pop("owner", None)
            return services.change_mission(obj, actor=actor, **given)
        workspace = workspace_of(request)
        if workspace is None:
            known = list(getattr(request, "workspaces", []))
            if len(known) != 1:
                raise Invalid("Choose the workspace it is for.")
            workspace = known[0]
        return services.create_mission(workspace, actor=actor, **given)

    # --- Buttons ----------------------------------------------------------------------------

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Of a dozen buttons those that this mission can do with now; what stays refused is what
        somebody can do something about."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        when = {entry.name: entry.when for entry in buttons_of(type(self), place)}
        idle = {_only()(obj), LOCKED, OPEN, ASKED, NOT_ASKED, FIRST, KEPT}

        def of_use(one: ShownButton) -> bool:
            asked = when.get(one.name)
            return not one.refusal or asked is None or asked(obj) not in idle

        return [self._named(one, obj) for one in found if of_use(one)]

    def _named(self, one: ShownButton, obj: Mission) -> ShownButton:
        stage = stages.get(obj.stage)
        following = stages.after(obj.stage)
        match one.name:
            case "ask":
                return replace(one, label=f"Ask for {stage.checkpoint.label}")
            case "advance":
                to = following.label if following is not None else ""
                return replace(one, label=f"Go on to {to}" if to else "Complete it")
            case "back":
                return replace(one, label=f"Back to {_before(obj).label}")
            case "cancel" | "give_up":
                return replace(one, grave=True)
        return one

    @button(label="Start", action="mission.start", when=_startable)
    def start(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.start_mission(obj, actor=actor_of(request))
        return f"{obj.ref} is in Define."

    @button(label="Resume", action="mission.resume", reason=True, when=_only("paused"))
    def resume(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.resume_mission(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} goes on."

    @button(
        label="Lock the brief",
        action="mission.lock",
        confirm="Nothing in it changes from here on, unless it goes back to Define.",
        when=_lockable,
    )
    def lock(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.lock_brief(obj, actor=actor_of(request))
        return "The brief is locked."

    @button(label="Ask for the checkpoint", action="mission.ask", when=_askable)
    def ask(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        asked = services.ask_checkpoint(obj, actor=actor_of(request))
        return f"{asked.ref} asks the people of the checkpoint."

    @button(label="Go on", action="mission.move", when=_movable)
    def advance(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        moved = services.advance_stage(obj, actor=actor_of(request))
        return f"{moved.ref} went on."

    @button(
        quiet=True, label="Take the question back", action="mission.ask", reason=True,
        when=_withdrawable,
    )  # fmt: skip
    def withdraw(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        taken = services.withdraw_checkpoint(obj, actor=actor_of(request), reason=reason)
        return f"{taken.ref} is withdrawn."

    @button(
        quiet=True,
        label="Open the brief again",
        action="mission.lock",
        confirm="It goes back to Define, and what was signed since counts for nothing.",
        reason=True,
        when=_unlockable,
    )
    def unlock(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.unlock_brief(obj, actor=actor_of(request), reason=reason)
        return "The brief is open."

    @button(
        quiet=True,
        label="Send back",
        action="mission.send_back",
        confirm="What was signed of that stage and the later ones counts for nothing.",
        reason=True,
        when=_returnable,
    )
    def back(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        to = _before(obj)
        services.send_back(obj, actor=actor_of(request), to=to.slug, reason=reason)
        return f"{obj.ref} is back in {to.label}."

    @button(quiet=True, label="Pause", action="mission.pause", reason=True, when=_only("active"))
    def pause(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.pause_mission(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is paused."

    @button(
        quiet=True,
        label="Give it up",
        action="mission.fail",
        reason=True,
        when=_only("active", "paused"),
    )
    def give_up(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.fail_mission(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is given up."

    @button(
        quiet=True,
        label="Cancel",
        action="mission.cancel",
        reason=True,
        when=_only("draft", "active", "paused"),
    )
    def cancel(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.cancel_mission(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is cancelled."

    @button(label="Archive", action="mission.archive", when=_stored)
    def archive(self, request: HttpRequest, obj: Mission, reason: str) -> str:
        services.archive_mission(obj, actor=actor_of(request))
        return f"{obj.ref} is archived."


def _people(request: HttpRequest) -> Any:
    """Who may own: mission owners of the chosen workspace, or of all that are seen."""
    actor, chosen = actor_of(request), workspace_of(request)
    places = [chosen.pk] if chosen is not None else actor.workspace_ids
    held = User.objects.filter(
        is_active=True,
        memberships__workspace_id__in=places,
        memberships__left_at=None,
        memberships__grants__role=stages.kinds.OWNER,
    )
    return held.distinct().order_by("name", "email")
