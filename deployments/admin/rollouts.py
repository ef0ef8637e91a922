"""Canary rollouts: where each is, what its judge says, and the buttons that move it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton, buttons_of
from controlplane.base.web import actor_of
from deployments.canary import services
from deployments.canary.services import going
from deployments.canary.services.consent import is_given, is_needed
from deployments.models import Rollout
from deployments.shown import canaries


def _only(*statuses: str) -> Callable[[Rollout], str]:
    def when(rollout: Rollout) -> str:
        if rollout.status in statuses:
            return ""
        return f"It is {rollout.get_status_display().lower()}."

    return when


def _startable(rollout: Rollout) -> str:
    return _only("baseline_taken")(rollout) or " ".join(going.before_start(rollout))


def _nobody_asked(rollout: Rollout) -> str:
    return f"Nobody is asked about changes in {rollout.environment}."


def _askable(rollout: Rollout) -> str:
    elsewhere = _only("planned", "baseline_taken")(rollout)
    if elsewhere:
        return elsewhere
    if not is_needed(rollout):
        return _nobody_asked(rollout)
    return "Consent was given." if is_given(rollout) else ""


@admin.register(Rollout)
class RolloutAdmin(ModelAdmin[Rollout]):
    view_action = "rollout.view"
    about = "Flags on their way from nobody to everybody, in steps that are watched."
    tabs = (
        ("Under way", "open=1"),
        ("Rolled back", "status__exact=rolled_back"),
        ("Completed", "status__exact=completed"),
        ("All", "view=all"),
    )
    empty = "No flag is rolled out."
    empty_hint = "POST /api/v1/rollouts plans one: a flag, an environment, a preset."
    list_display = ["title", "status", "flag_name", "place", "reached", "said", "started_at", "ref"]
    phone_columns = ("title", "status")
    search_fields = ["ref", "title", "flag__flag_name"]
    head_state = "status"
    facts = (
        *("ref", "flag_name", "place", "deployment", "preset", "automatic", "source", "slow_ms"),
        *("started_at", "ended_at", "ended_because", "metrics_note", "created_by", "version"),
    )
    panel_template = "deployments/panel_rollout.html"
    in_palette = True

    class Open(admin.SimpleListFilter):
        title = "Under way"
        parameter_name = "open"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("1", "Under way")]

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            return queryset.open() if self.value() == "1" else queryset

    list_filter = [Open, "status", "environment"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        related = ("flag__workspace", "environment", "deployment", "item", "approval", "baseline")
        return rows.select_related(*related).prefetch_related("steps")

    @admin.display(description="Flag", ordering="flag__flag_name")
    def flag_name(self, rollout: Rollout) -> str:
        return str(rollout.flag.flag_name)

    @admin.display(description="Environment", ordering="environment__order")
    def place(self, rollout: Rollout) -> str:
        return str(rollout.environment)

    @admin.display(description="Reached")
    def reached(self, rollout: Rollout) -> str:
        return canaries.reached(rollout)

    @admin.display(description="The judge says")
    def said(self, rollout: Rollout) -> str:
        return canaries.said(rollout)

    @admin.display(description="Outcome")
    def ended_because(self, rollout: Rollout) -> str:
        """A sentence, which a chip would cut off."""
        return rollout.outcome

    def heading(self, obj: Rollout) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: Rollout) -> Mapping[str, Any]:
        return canaries.panel(obj)

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Nine buttons, of which a rollout has two or three to go on with: those of other stages
        would only hide them. What stays refused is what somebody can do something about."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        when = {entry.name: entry.when for entry in buttons_of(type(self), place)}
        idle = {_only()(obj), _nobody_asked(obj)}

        def of_use(one: ShownButton) -> bool:
            asked = when.get(one.name)
            return not one.refusal or asked is None or asked(obj) not in idle

        return [one for one in found if of_use(one)]

    @button(label="Take the baseline", action="rollout.plan", when=_only("planned"))
    def baseline(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        taken = services.take_baseline(obj, actor=actor_of(request))
        return f"{taken.ref} has its baseline."

    @button(label="Ask for consent", action="rollout.plan", when=_askable)
    def consent(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        asked = services.ask_consent(obj, actor=actor_of(request))
        return f"{asked.ref} asks for consent."

    @button(
        label="Start",
        action="rollout.promote",
        confirm="Bring the first cohort?",
        when=_startable,
    )
    def start(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.start(obj, actor=actor_of(request))
        return f"{obj.ref} runs."

    @button(
        label="Go on to the next step",
        action="rollout.promote",
        confirm="Go on? Before its time this takes a reason, and the right to.",
        reason=True,
        when=_only("running", "held"),
    )
    def promote(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.promote(obj, actor=actor_of(request), override=reason)
        return f"{obj.ref} went on."

    @button(label="Go on after the pause", action="rollout.promote", when=_only("paused"))
    def resume(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.resume(obj, actor=actor_of(request))
        return f"{obj.ref} goes on."

    @button(
        label="Document and end",
        action="rollout.promote",
        confirm="How did it go? Name the metrics that show it: they end the rollout.",
        reason=True,
        when=_only("stabilizing"),
    )
    def complete(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.complete(obj, actor=actor_of(request), metrics_note=reason)
        return f"{obj.ref} is completed."

    @button(
        quiet=True,
        label="Pause",
        action="rollout.pause",
        reason=True,
        when=_only("running", "held"),
    )
    def pause(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.pause(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is paused. The judge goes on looking."

    @button(
        quiet=True,
        label="Roll back",
        action="rollout.rollback",
        confirm="Switch the flag off there for everybody, now?",
        reason=True,
        when=_only("running", "held", "paused", "stabilizing"),
    )
    def roll_back(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.roll_back(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is rolled back."

    @button(
        quiet=True,
        label="Cancel",
        action="rollout.plan",
        reason=True,
        when=_only("planned", "baseline_taken"),
    )
    def cancel(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.cancel(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is cancelled."
