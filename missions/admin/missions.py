"""Missions: the list, and the page of one with what can be done next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton, bulk
from controlplane.base.admin.changelist import NamedRelatedFilter
from controlplane.base.web import actor_of, workspace_of
from missions import reads, services, stages
from missions.admin.filters import BY_PERSON, STANDING
from missions.admin.forms import MissionForm
from missions.models import Mission
from missions.shown import moves, page, strip, timeline
from missions.shown.cockpit import Cockpit
from missions.shown.following import Next, following
from missions.shown.glance import glance, with_now

_LONGEST = 40


@admin.register(Mission)
class MissionAdmin(ModelAdmin[Mission]):
    view_action = "mission.view"
    change_action = "mission.change"
    about = "Work given to agents: what is wanted, where it stands, who signs."
    tabs = (
        ("Under way", "standing=under_way"),
        ("Mine", "whose=mine"),
        ("To sign", "standing=to_sign"),
        ("Held", "standing=held"),
        ("Due", "standing=due"),
        ("Stuck", "standing=stuck"),
        ("Planned", "standing=planned"),
        ("Ended", "standing=ended"),
        ("All", "view=all"),
    )
    empty = "No mission here."
    empty_hint = "Plan one, or let an agent do it: POST /api/v1/missions."
    list_display = [
        "what", "status", "in_stage", "waits", "since", "owner", "due_at", "priority",
    ]  # fmt: skip
    phone_columns = ("status", "waits", "due_at")
    list_filter = (
        STANDING, BY_PERSON, "stage", "status", "priority",
        ("owner", NamedRelatedFilter), "source",
    )  # fmt: skip
    list_select_related = ["owner"]
    search_fields = ["ref", "title", "external_ref"]
    in_palette = True
    form = MissionForm
    edit_fields = (
        "title", "intent", "owner", "mission_type", "persona", "priority", "due_on", "tags",
    )  # fmt: skip
    change_form_template = "missions/row.html"
    change_list_template = "missions/list.html"
    panel_template = "missions/panel.html"
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Mission", "in_stage": "Stage", "due_at": "Due", "due_on": "Due",
        "waits": "Next", "since": "For", "mission_type": "Type",
        "close_reason": "How it ended", "persona": "For whom",
        "external_ref": "Outside reference", "source": "By way of", "started_at": "Started",
        "closed_at": "Ended", "archived_at": "Archived",
    }  # fmt: skip
    head_state = "status"
    head_owner = "owner"
    head_clocks = ("due_at",)
    timeline_rows = 20
    facts = (
        *("status", "owner", "ref", "in_stage", "priority", "due_at", "due_on", "flag", "persona"),
        *("tagged", "item", "close_reason", "started_at", "closed_at"),
        *("archived_at", "external_ref", "legacy", "source", "created_by", "created_at", "version"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_now(super().get_queryset(request).select_related("owner"))

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        if "owner" in form.base_fields:
            form.base_fields["owner"].queryset = people(request)
        return form

    def whole(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner", "workspace", "item")

    # --- In the list ------------------------------------------------------------------------

    @admin.display(description="Mission", ordering="title")
    def what(self, obj: Mission) -> SafeString:
        return format_html('<code class="small msn-ref">{}</code> {}', obj.ref, obj.title[:120])

    @admin.display(description="Stage", ordering="stage")
    def in_stage(self, obj: Mission) -> str:
        return "–" if obj.status == Mission.Status.DRAFT else stages.get(obj.stage).short

    @admin.display(description="Next")
    def waits(self, obj: Mission) -> SafeString | str:
        text = glance(obj).text
        return format_html('<span class="msn-waits">{}</span>', text) if text else ""

    @admin.display(description="For")
    def since(self, obj: Mission) -> datetime | None:
        return glance(obj).since

    @admin.display(description="Due", ordering="due_on")
    def due_at(self, obj: Mission) -> datetime | None:
        """It has until the end of its day."""
        if obj.due_on is None:
            return None
        return datetime.combine(obj.due_on + timedelta(days=1), time(), UTC)

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        actor, chosen = actor_of(request), workspace_of(request)
        may = policy.can(actor, "mission.create")
        return {
            "strip": strip.strip(actor, chosen.pk if chosen is not None else None, request.GET),
            "list_empty": strip.emptiness(request.GET, may_plan=bool(may)),
            "may_plan": bool(may),
            "why_no_plan": "" if may else may.reason,
            "may_import": bool(policy.can(actor, "mission.import")),
        }

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """A ref finds its mission; anything else words of titles and outside references."""
        number = search_term.strip().upper().removeprefix("MSN-")
        if number != search_term.strip().upper() and number.isascii() and number.isdigit():
            return queryset.filter(ref=f"MSN-{number[:9]}"), False
        return super().get_search_results(request, queryset, search_term)

    # --- One of them ------------------------------------------------------------------------

    @admin.display(description="Tags")
    def tagged(self, obj: Mission) -> str:
        return ", ".join(obj.tags)

    @admin.display(description="Flag of its type")
    def flag(self, obj: Mission) -> str:
        return obj.flag_name

    @admin.display(description="Stage in the old words")
    def legacy(self, obj: Mission) -> str:
        """Of an imported one as it came; of any other the names of the eight stages."""
        names = obj.stage_legacy or list(stages.get(obj.stage).legacy)
        return ", ".join(stages.LEGACY_LABELS.get(name, name) for name in names)

    def heading(self, obj: Mission) -> str:
        return obj.title

    def _cockpit(self, request: HttpRequest, obj: Mission) -> Cockpit:
        known: dict[int, Cockpit] = request.__dict__.setdefault("_cockpits", {})
        return known.setdefault(obj.pk, Cockpit(obj, actor_of(request)))

    def _next(self, request: HttpRequest, obj: Mission) -> Next:
        known: dict[int, Next] = request.__dict__.setdefault("_nexts", {})
        if obj.pk not in known:
            known[obj.pk] = following(self._cockpit(request, obj))
        return known[obj.pk]

    def panel_context(self, request: HttpRequest, obj: Mission) -> Mapping[str, Any]:
        with reads.together([obj]):  # cards ask for what gates asked for; nothing is written
            return page.panel(self._cockpit(request, obj), request, self._next(request, obj))

    def story(self, request: HttpRequest, obj: Mission) -> Any:
        return timeline.story(obj, self._cockpit(request, obj).look.visits)

    def newest(self, request: HttpRequest, obj: Mission, most: range) -> list[Any]:
        return timeline.newest(obj, self._cockpit(request, obj).look.visits, most)

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """The next step first; what its state has no use for is not there at all."""
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        cockpit, then = self._cockpit(request, obj), self._next(request, obj)
        found = [_primary(obj, then)] if then.url else []
        for move, refusal in moves.offered(obj, actor_of(request), cockpit.now):
            # What is another's stands at the end of the page, with whose it is.
            if move.slug != then.slug and move.slug not in _TOLD and not refusal:
                found.append(_quiet(obj, move))
        if obj.is_open and policy.can(actor_of(request), "mission.change", obj):
            found.append(
                ShownButton("edit", "Edit", "?edit=1", "", asks=False, icon="edit", leads=True)
            )
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))

    # --- Writes -----------------------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: Mission, form: forms.ModelForm[Mission], change: bool
    ) -> Mission:
        given = dict(form.cleaned_data)
        if given.get("owner") is None:
            given.pop("owner", None)
        return services.change_mission(obj, actor=actor_of(request), **given)

    @bulk(label="Pause", action="mission.pause", reason=True)
    def pause_chosen(self, request: HttpRequest, obj: Mission, reason: str) -> None:
        services.pause_mission(obj, actor=actor_of(request), reason=reason)

    @bulk(label="Resume", action="mission.resume", reason=True)
    def resume_chosen(self, request: HttpRequest, obj: Mission, reason: str) -> None:
        services.resume_mission(obj, actor=actor_of(request), reason=reason)

    @bulk(label="Cancel", action="mission.cancel", reason=True)
    def cancel_chosen(self, request: HttpRequest, obj: Mission, reason: str) -> None:
        services.cancel_mission(obj, actor=actor_of(request), reason=reason)

    @bulk(label="Archive", action="mission.archive")
    def archive_chosen(self, request: HttpRequest, obj: Mission, reason: str) -> None:
        services.archive_mission(obj, actor=actor_of(request))


# Where something is missing before these, the next step says so and leads there.
_TOLD = frozenset({"start", "ask", "advance", "lock"})


def _primary(row: Mission, then: Next) -> ShownButton:
    """Told by `following`. What needs no question is pressed here."""
    label, url = then.label, then.url
    if len(label) > _LONGEST:
        label = f"{label[:_LONGEST].rstrip()}…"
    elif then.slug and not then.pressed:
        label = f"{label}…"
    if then.pressed:
        url += f"?version={row.version}"
    return ShownButton(
        then.slug or "next", label, url, then.refusal, asks=False, primary=not then.refusal,
        icon=then.icon, leads=not then.pressed,
    )  # fmt: skip


def _quiet(row: Mission, move: moves.Move) -> ShownButton:
    url = moves.url(row, move.slug)
    if move.asks:
        return ShownButton(
            move.slug, f"{move.label}…", url, "", asks=False, grave=move.grave,
            icon=move.icon, leads=True,
        )  # fmt: skip
    return ShownButton(move.slug, move.label, f"{url}?version={row.version}", "", asks=False)


def people(request: HttpRequest) -> Any:
    """Who may own: mission owners of the chosen workspace, or of all that are seen."""
    actor, chosen = actor_of(request), workspace_of(request)
    return owners_in([chosen.pk] if chosen is not None else list(actor.workspace_ids))


def owners_in(workspace_ids: list[int]) -> Any:
    held = User.objects.filter(
        is_active=True,
        memberships__workspace_id__in=workspace_ids,
        memberships__left_at=None,
        memberships__grants__role=stages.kinds.OWNER,
    )
    return held.distinct().order_by("name", "email")
