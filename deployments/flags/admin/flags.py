"""Feature flags: how each stands where, who asks, and the way to switch it off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpRequest

from controlplane.access.models import User, Workspace
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.work.models import Item
from deployments.flags import services
from deployments.flags.admin import cells
from deployments.flags.admin.fields import ItemField, PersonField
from deployments.flags.admin.flag_form import VALUES, FlagForm
from deployments.flags.models import Flag, FlagState
from deployments.flags.services import gates
from deployments.flags.shown import page, standing, usage

FIELDS = (
    "description", "kind", "owner", "tier", "permanent", "remove_by", "impression_data", "item",
)  # fmt: skip
HELP = {
    "flag_name": "As programs ask for it: letters, digits and . _ ~ - only. It stays.",
    "value_type": "What programs get. It stays.",
    "permanent": "It is never called stale.",
    "remove_by": "From that day on it is stale, and somebody is asked to take it out.",
}
_ON_SOMEWHERE = Exists(FlagState.objects.filter(flag=OuterRef("pk"), settings__on=True))


def _alive(flag: Flag) -> str:
    return "It is archived." if flag.is_archived else ""


def _may_be_killed(flag: Flag) -> str:
    return _alive(flag) or ("" if flag.enabled else "It is switched off already.")


def _may_be_enabled(flag: Flag) -> str:
    return _alive(flag) or ("It is not switched off as a whole." if flag.enabled else "")


def _may_be_enabled_anyway(flag: Flag) -> str:
    return _may_be_enabled(flag) or _is_frozen(flag)


def _is_frozen(flag: Flag) -> str:
    held = any(
        gates.frozen(flag, state.environment_id)
        for state in flag.states.all()
        if state.settings["on"]
    )
    return "" if held else "Nothing is frozen."


def _is_archived(flag: Flag) -> str:
    return "" if flag.is_archived else "It is not archived."


class Whose(admin.SimpleListFilter):
    """One's own, or those nobody looks after: a menu of all members would be a question more."""

    title = "Whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("nobody", "Nobody's")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "mine":
                return queryset.filter(owner=actor_of(request).user_id)
            case "nobody":
                return queryset.filter(owner=None)
        return queryset


@admin.register(Flag)
class FlagAdmin(ModelAdmin[Flag]):
    list_name = "Feature flags"
    view_action = "flag.view"
    change_action = "flag.change"
    add_action = "flag.create"
    about = (
        "What is on, for whom, in which environment. A change reaches every process in a second."
    )
    tabs = (
        ("In use", "standing=living"),
        ("Mine", "standing=living&whose=mine"),
        ("On", "standing=on"),
        ("Killed", "standing=killed"),
        ("Stale", "standing=stale"),
        ("Archived", "standing=archived"),
        ("All", "view=all"),
    )
    empty = "No flag is here."
    empty_hint = "A flag begins off, everywhere. POST /api/v1/flags makes one, too."
    list_display = ("name", "where", "owner", "created_at", "asked", "act")
    phone_columns = ("where", "act")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "living": ("In use", lambda rows: rows.living()),
                "on": (
                    "On somewhere",
                    lambda rows: rows.living().filter(_ON_SOMEWHERE, enabled=True),
                ),
                "killed": ("Killed", lambda rows: rows.killed()),
                "stale": ("Stale", lambda rows: rows.living().exclude(stale_since=None)),
                "archived": ("Archived", lambda rows: rows.archived()),
            },
        ),
        Whose,
        "kind",
        "tier",
    )
    search_fields = ("flag_name", "description")
    ordering = ("flag_name", "pk")
    labels = {
        "created_at": "Age",
        "where": "In",
        "asked": "Asked, 7 days",
        "act": "Act",
        "stale_why": "Why",
        "cleanup_item": "Clean-up",
        "remove_by": "Remove by",
        "impression_data": "Tell SDKs to report impressions",
        "flag_name": "Name",
        "value_type": "Answers with",
        "off_value": "When off",
        "on_value": "When on",
        "permanent": "Meant to stay",
        "item": "Work item",
    }
    in_palette = True
    panel_template = "flags/panel_flag.html"
    change_form_template = "flags/row.html"
    change_list_template = "flags/list.html"
    head_state = "state"
    head_clocks = ("changed_at",)
    facts = (
        "state", "kind", "owner", "tier", "answers", "remove_by", "permanent", "release",
        "cleanup_item", "created_at", "made_by", "changed_at", "uid",
    )  # fmt: skip
    form = FlagForm
    edit_fields = (*FIELDS, *VALUES, "reason", "override")
    add_fields = ("flag_name", "value_type", *FIELDS, *VALUES)

    # --- Rows ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        states = FlagState.objects.select_related("environment")
        ordered = states.order_by("environment__order", "environment_id")
        rows = super().get_queryset(request).select_related("owner", "workspace", "cleanup", "item")
        return rows.prefetch_related(Prefetch("states", queryset=ordered))

    def get_list_display(self, request: HttpRequest) -> Any:
        if request.GET.get("standing") == "stale":
            return ("name", "stale_why", "where", "owner", "stale_since", "cleanup_item", "asked")
        return self.list_display

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """One question for how often all flags of the page were asked for."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        weeks = usage.of_list(found.result_list)
        may = self._may_kill(request)
        for flag in found.result_list:
            flag.week = weeks.get((flag.workspace_id, flag.flag_name))
            flag.may_be_killed = may
        return found

    def _may_kill(self, request: HttpRequest) -> bool:
        return self.permits(request, "flag.kill") or self.permits(request, "flag.enable")

    @admin.display(description="Flag", ordering="flag_name")
    def name(self, flag: Flag) -> Any:
        word = standing.word(flag, flag.states.all())
        mark = "" if word in {"on", "off"} else word
        return cells.name(flag, mark)

    @admin.display(description="State")
    def state(self, flag: Flag) -> str:
        return standing.word(flag, flag.states.all())

    @admin.display(description="In")
    def where(self, flag: Flag) -> Any:
        states = list(flag.states.all())
        more = max(0, len(states) - standing.SHOWN)
        return cells.marks(standing.places(flag, states), more) if states else ""

    @admin.display(description="Asked")
    def asked(self, flag: Flag) -> Any:
        week = getattr(flag, "week", None)
        if week is None or not week.total:
            return ""
        title = f"Asked for {flag.flag_name}"
        return cells.drawn(
            "flags/_spark.html", {"values": week.days, "total": week.total, "title": title}
        )

    @admin.display(description="Act")
    def act(self, flag: Flag) -> Any:
        if flag.is_archived or not getattr(flag, "may_be_killed", False):
            return ""
        name = "kill" if flag.enabled else "enable"
        return cells.act(flag, self._button_url(name, flag))

    @admin.display(description="Why")
    def stale_why(self, flag: Flag) -> str:
        return page.why_stale(flag)

    @admin.display(description="Clean-up")
    def cleanup_item(self, flag: Flag) -> Any:
        return flag.cleanup

    # --- A flag's page ------------------------------------------------------------------------

    @admin.display(description="Answers with")
    def answers(self, flag: Flag) -> str:
        return page.answers(flag)

    @admin.display(description="Work item")
    def release(self, flag: Flag) -> Any:
        return flag.item

    @admin.display(description="Made by")
    def made_by(self, flag: Flag) -> str:
        return flag.created_by

    def panel_context(self, request: HttpRequest, obj: Flag) -> Mapping[str, Any]:
        return page.shown(obj, actor_of(request))

    def get_fields(self, request: HttpRequest, obj: Flag | None = None) -> Any:
        """Why, and the way past a freeze where one holds it and the person may."""
        found = list(super().get_fields(request, obj))
        if obj is None:
            return found
        opened = request.method == "POST" or "edit" in request.GET
        past = opened and not _is_frozen(obj) and self.permits(request, "flag.override")
        return [*found, "reason", *(["override"] if past else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Flag | None = None) -> Any:
        """On or off has no other values."""
        found = list(super().get_readonly_fields(request, obj))
        fixed = obj is not None and obj.value_type == Flag.ValueType.BOOLEAN
        return [*found, *VALUES] if fixed else found

    # --- The form -----------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, *args: Any, **given: Any) -> Any:
        form: Any = super().get_form(request, *args, **given)
        fields, workspace = form.base_fields, _workspace(request, args, given)
        if "owner" in fields:
            people = User.objects.filter(is_active=True)
            if workspace is not None:
                people = people.filter(
                    memberships__workspace=workspace, memberships__left_at=None
                ).distinct()
            fields["owner"] = PersonField(
                people.order_by("name"),
                required=False,
                label="Owner",
                label_suffix="",
                help_text="Who is asked what becomes of it.",
            )
        if "item" in fields:
            items = Item.objects.visible_to(actor_of(request))
            if workspace is not None:
                items = items.filter(workspace=workspace)
            fields["item"] = ItemField(items)
        for name, said in HELP.items():
            if name in fields:
                fields[name].help_text = said
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A name that was asked for and is no flag's comes from the list of those."""
        asked = request.GET.get("flag_name", "").replace("\x00", "")[:200]
        owner = actor_of(request).user_id
        return {"flag_name": asked, "owner": owner, "tier": 1}

    def service_save(
        self, request: HttpRequest, obj: Flag, form: forms.ModelForm[Flag], change: bool
    ) -> Flag:
        assert isinstance(form, FlagForm)
        data, actor = form.given(), actor_of(request)
        if change:
            return services.change_flag(obj, actor=actor, version=obj.version, **data)
        workspace = workspace_of(request) or next(iter(getattr(request, "workspaces", [])), None)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        name = data.pop("flag_name")
        data.pop("override", None)
        return services.create_flag(workspace, name, actor=actor, **data)

    def _shown(self, request: HttpRequest, place: Any, obj: Any) -> Any:
        """Of two that undo each other only one is ever of use."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        idle = {"enable" if obj.enabled or obj.is_archived else "kill"}
        idle |= {"archive", "kill"} if obj.is_archived else {"restore"}
        if _may_be_enabled_anyway(obj):
            idle.add("enable_anyway")
        return [each for each in found if each.name not in idle]

    # --- Buttons ------------------------------------------------------------------------------

    @button(
        quiet=True,
        label="Kill",
        action="flag.kill",
        reason=True,
        when=_may_be_killed,
        confirm="Off for everybody, in every environment, within a second. Freezes and approvals"
        " do not hold it up. Its rules are kept; “Enable” brings them back.",
    )
    def kill(self, request: HttpRequest, flag: Flag, reason: str) -> str:
        services.kill(flag, actor=actor_of(request), reason=reason)
        return f"{flag.flag_name} is off, everywhere."

    @button(
        label="Enable",
        action="flag.enable",
        reason=True,
        when=_may_be_enabled,
        confirm="Each environment goes back to what stood before the kill, within a second.",
    )
    def enable(self, request: HttpRequest, flag: Flag, reason: str) -> str:
        services.enable(flag, actor=actor_of(request), reason=reason)
        return f"{flag.flag_name} goes by its rules again."

    @button(
        quiet=True,
        label="Enable in spite of the freeze",
        action="flag.override",
        reason=True,
        when=_may_be_enabled_anyway,
        confirm="Each environment goes back to what stood before the kill, though changes are"
        " frozen. Why stands in the record.",
    )
    def enable_anyway(self, request: HttpRequest, flag: Flag, reason: str) -> str:
        services.enable(flag, actor=actor_of(request), reason=reason, override=True)
        return f"{flag.flag_name} goes by its rules again, in spite of the freeze."

    @button(
        quiet=True,
        label="Archive",
        action="flag.change",
        reason=True,
        typed=True,
        when=_alive,
        confirm="SDKs are no longer told of it and use their defaults. Do this when no code asks.",
    )
    def archive(self, request: HttpRequest, flag: Flag, reason: str) -> str:
        services.archive(flag, actor=actor_of(request), reason=reason)
        return "Archived."

    @button(
        label="Restore",
        action="flag.change",
        reason=True,
        when=_is_archived,
        confirm="It comes back killed: SDKs are told of it, and it is off until it is enabled.",
    )
    def restore(self, request: HttpRequest, flag: Flag, reason: str) -> str:
        services.restore(flag, actor=actor_of(request), reason=reason)
        return f"{flag.flag_name} is back, killed: off everywhere until somebody enables it."


def _workspace(request: HttpRequest, args: Any, given: Any) -> Workspace | None:
    obj = given.get("obj") or next(iter(args), None)
    return obj.workspace if isinstance(obj, Flag) else workspace_of(request)
