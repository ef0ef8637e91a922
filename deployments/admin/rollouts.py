"""Canary rollouts: where each is, what its judge says, and the buttons that move it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton, buttons_of, seen_in
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid
from deployments import links as deployment_links
from deployments.canary import links, services
from deployments.canary.limits import JUDGES
from deployments.canary.services import reporters
from deployments.canary.services.holding import next_step
from deployments.flags.shown import links as flag_links
from deployments.models import Rollout
from deployments.shown import canaries, canary_words
from deployments.shown import canary_moves as moves


def _stood(request: HttpRequest) -> tuple[int, int]:
    """The step and the version that somebody looked at, for the service to find again."""
    step, _, version = seen_in(request).partition(".")
    if not (step.isdecimal() and version.isdecimal()):
        raise Invalid("Nobody looked at it.")
    return int(step), int(version)


@admin.register(Rollout)
class RolloutAdmin(ModelAdmin[Rollout]):
    list_name = "Canary rollouts"
    view_action = "rollout.view"
    add_action = "rollout.plan"
    about = "Flags on their way from nobody to everybody, in steps that are watched."
    tabs = (
        ("Under way", "open=1"),
        ("Waiting for somebody", "open=waiting"),
        ("Rolled back", "status__exact=rolled_back"),
        ("Completed", "status__exact=completed"),
        ("All", "view=all"),
    )
    empty = "No flag is rolled out."
    empty_hint = (
        "Plan one: 10 % for half an hour, then half, then everybody; what breaks is taken back."
        " POST /api/v1/rollouts does the same."
    )
    list_display = ["title", "status", "flag_name", "place", "reached", "said", "started_at", "ref"]
    phone_columns = ("status", "reached", "said")
    search_fields = ["ref", "title", "flag__flag_name"]
    head_state = "status"
    facts = (
        *(
            "ref",
            "flag_name",
            "place",
            "brought_by",
            "goes_on",
            "judge",
            "source",
            "posted_by",
            "slow_ms",
        ),
        *("before", "consent", "work_item", "in_the_way", "started_at", "ended_at"),
        *("metrics_note", "created_by", "version"),
    )
    labels = {
        "slow_ms": "Slow from, ms",
        "brought_by": "Deployment",
        "goes_on": "Goes on",
        "judge": "Judge",
        "posted_by": "Posted by",
        "before": "Without the flag",
        "work_item": "Work item",
        "in_the_way": "In the way",
        "metrics_note": "How it went",
    }
    panel_template = "deployments/canary/panel.html"
    change_form_template = "deployments/canary/row.html"
    in_palette = True
    list_filter = [
        question(
            "Under way",
            "open",
            {
                "1": ("Under way", lambda rows: rows.open()),
                "waiting": ("Waiting for somebody", lambda rows: rows.waiting()),
            },
        ),
        "status",
        "environment",
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        related = (
            *("flag__workspace", "environment", "deployment__environment", "item", "approval"),
            *("baseline", "blocker"),
        )
        return rows.select_related(*related).prefetch_related(canaries.with_steps())

    # --- In the list ----------------------------------------------------------------------

    @admin.display(description="Flag", ordering="flag__flag_name")
    def flag_name(self, rollout: Rollout) -> str:
        return format_html(
            '<a href="{}">{}</a>', flag_links.row(rollout.flag), rollout.flag.flag_name
        )

    @admin.display(description="Environment", ordering="environment__order")
    def place(self, rollout: Rollout) -> str:
        return str(rollout.environment)

    @admin.display(description="Reached")
    def reached(self, rollout: Rollout) -> str:
        return canaries.reached(rollout)

    @admin.display(description="The judge says")
    def said(self, rollout: Rollout) -> str:
        return canaries.said(rollout)

    # --- Facts ----------------------------------------------------------------------------

    @admin.display(description="Deployment")
    def brought_by(self, rollout: Rollout) -> str:
        row = rollout.deployment
        if row is None:
            return ""
        return format_html(
            '<a href="{}">{}</a> {}', deployment_links.page_of(row), row.ref,
            row.get_status_display().lower(),
        )  # fmt: skip

    @admin.display(description="Goes on")
    def goes_on(self, rollout: Rollout) -> str:
        return "by itself" if rollout.automatic else "by hand"

    @admin.display(description="Judge")
    def judge(self, rollout: Rollout) -> str:
        name = rollout.limits.get("judge", "guarded")
        return f"{name}: {JUDGES.get(name, '')}"

    @admin.display(description="Posted by")
    def posted_by(self, rollout: Rollout) -> str:
        if rollout.source != Rollout.Source.POSTED:
            return ""
        name = reporters.name_of(rollout)
        return f"{name}, and people who may" if name else "people who may"

    @admin.display(description="Without the flag")
    def before(self, rollout: Rollout) -> str:
        return canaries.baseline_words(rollout)

    @admin.display(description="Consent")
    def consent(self, rollout: Rollout) -> Any:
        return rollout.approval or canary_words.consent_words(rollout)

    @admin.display(description="Work item")
    def work_item(self, rollout: Rollout) -> Any:
        return rollout.item

    @admin.display(description="In the way")
    def in_the_way(self, rollout: Rollout) -> Any:
        return rollout.blocker

    def heading(self, obj: Rollout) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: Rollout) -> Mapping[str, Any]:
        return canaries.panel(obj, request)

    def service_save(
        self, request: HttpRequest, obj: Rollout, form: forms.ModelForm[Rollout], change: bool
    ) -> Rollout:
        """Its form stands at the same address, before the admin's: `web.canary_plan`."""
        raise Invalid("A rollout is planned by its own form.")

    # --- Buttons --------------------------------------------------------------------------

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """A dozen buttons, of which a rollout has two or three to go on with: those of other
        stages would only hide them. What stays refused is what somebody can do something about."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        when = {entry.name: entry.when for entry in buttons_of(type(self), place)}
        idle = {moves.only()(obj), moves.nobody_asked(obj), *moves.OF_NO_USE}

        def of_use(one: ShownButton) -> bool:
            asked = when.get(one.name)
            return not one.refusal or asked is None or asked(obj) not in idle

        following = next_step(obj)
        to = f"Go on to {following.percent} %" if following else "End the last step"
        kept = {one.name: one for one in found if of_use(one)}
        # One way on at a time: the one that is free, else the one whose refusal says when it is.
        on_time, early = kept.get("promote"), kept.get("promote_early")
        if on_time is not None and early is not None:
            del kept["promote" if not early.refusal else "promote_early"]
        shown = [self._named(one, to) for one in kept.values()]
        return self._leading(shown) if moves.asks(obj) else shown

    def _leading(self, shown: list[ShownButton]) -> list[ShownButton]:
        """A person decides: going on is the next step, for those who may."""
        free = [one for one in shown if one.name == "promote_early" and not one.refusal]
        if not free or any(one.primary for one in shown):
            return shown
        return [replace(free[0], primary=True), *(one for one in shown if one is not free[0])]

    def _named(self, one: ShownButton, to: str) -> ShownButton:
        match one.name:
            case "promote":
                return replace(one, label=to)
            case "promote_early":
                return replace(one, label=f"{to} before its time")
            case "roll_back":
                return replace(one, grave=True)
        return one

    @button(label="Take the baseline", action="rollout.plan", when=moves.only("planned"))
    def baseline(self, request: HttpRequest, obj: Rollout, reason: str) -> str | HttpResponse:
        if obj.source == Rollout.Source.POSTED:
            return HttpResponseRedirect(links.posting(obj))
        taken = services.take_baseline(obj, actor=actor_of(request))
        return f"{taken.ref} has its baseline."

    @button(label="Ask for consent", action="rollout.plan", when=moves.askable)
    def consent_ask(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        asked = services.ask_consent(obj, actor=actor_of(request))
        return f"{asked.ref} asks for consent."

    @button(
        label="Start",
        action="rollout.promote",
        confirm="Bring the first cohort?",
        when=moves.startable,
    )
    def start(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.start(obj, actor=actor_of(request))
        return f"{obj.ref} runs."

    @button(
        quiet=True,
        label="Start in spite of the freeze",
        action="rollout.override",
        confirm="Bring the first cohort though changes are frozen? Why stands in the record.",
        reason=True,
        when=moves.startable_anyway,
    )
    def start_anyway(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.start(obj, actor=actor_of(request), override=reason)
        return f"{obj.ref} runs, in spite of the freeze."

    @button(
        label="Go on to the next step",
        action="rollout.promote",
        confirm="Go on to the next step?",
        when=moves.on_time,
        seen=moves.standing,
    )
    def promote(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        step, version = _stood(request)
        services.promote(obj, actor=actor_of(request), step=step, version=version)
        return f"{obj.ref} went on."

    @button(
        quiet=True,
        label="Go on before its time",
        action="rollout.override",
        confirm="Go on though the step is not through? Why stands in the record of the next one.",
        reason=True,
        when=moves.before_its_time,
        seen=moves.standing,
    )
    def promote_early(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        step, version = _stood(request)
        services.promote(obj, actor=actor_of(request), override=reason, step=step, version=version)
        return f"{obj.ref} went on, before its time."

    @button(label="Go on after the pause", action="rollout.promote", when=moves.resumable)
    def resume(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.resume(obj, actor=actor_of(request))
        return f"{obj.ref} goes on."

    @button(label="Document and end", action="rollout.promote", when=moves.only("stabilizing"))
    def complete(self, request: HttpRequest, obj: Rollout, reason: str) -> HttpResponse:
        return HttpResponseRedirect(links.completing(obj))

    @button(quiet=True, label="Change the plan", action="rollout.plan", when=moves.changeable)
    def plan(self, request: HttpRequest, obj: Rollout, reason: str) -> HttpResponse:
        return HttpResponseRedirect(links.plan_of(obj))

    @button(
        quiet=True,
        label="Take the baseline again",
        action="rollout.plan",
        when=moves.only("baseline_taken"),
    )
    def baseline_again(self, request: HttpRequest, obj: Rollout, reason: str) -> Any:
        return self.baseline(request, obj, reason)

    @button(
        quiet=True,
        label="Pause",
        action="rollout.pause",
        reason=True,
        when=moves.only("running", "held"),
    )
    def pause(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.pause(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is paused. The judge goes on looking."

    @button(
        quiet=True,
        label="Wait for somebody at each step",
        action="rollout.plan",
        when=moves.steady(by_itself=True),
    )
    def by_hand(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.change_rollout(obj, actor=actor_of(request), automatic=False)
        return f"{obj.ref} waits for somebody at each step."

    @button(
        quiet=True,
        label="Go on by itself",
        action="rollout.plan",
        confirm="Let each step that passed be followed by the next, without anybody?",
        when=moves.may_go_alone,
    )
    def by_itself(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.change_rollout(obj, actor=actor_of(request), automatic=True)
        return f"{obj.ref} goes on by itself."

    @button(
        quiet=True,
        label="Roll back",
        action="rollout.rollback",
        confirm="Switch the flag off there for everybody, now?",
        reason=True,
        when=moves.only("running", "held", "paused", "stabilizing"),
    )
    def roll_back(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.roll_back(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is rolled back."

    @button(
        quiet=True,
        label="Cancel",
        action="rollout.plan",
        reason=True,
        when=moves.only("planned", "baseline_taken"),
    )
    def cancel(self, request: HttpRequest, obj: Rollout, reason: str) -> str:
        services.cancel(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is cancelled."
