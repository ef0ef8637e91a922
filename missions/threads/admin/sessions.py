"""Runtimes: where agents run, how each is reached, and which are held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import bulk, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib import clock
from missions.threads import numbers, services
from missions.threads.models import RuntimeSession
from missions.threads.services import pausing


def _may_pause(row: RuntimeSession) -> str:
    return "It is paused already." if row.paused else ""


def _may_go_on(row: RuntimeSession) -> str:
    return "" if row.paused else "It is not paused."


def _is_typed_in(row: RuntimeSession) -> bool:
    return row.operator_busy_until is not None and row.operator_busy_until > clock.now()


def _may_type(row: RuntimeSession) -> str:
    if row.status == "offline":
        return "It is signed off."
    return "Somebody types there already." if _is_typed_in(row) else ""


def _typed(row: RuntimeSession) -> str:
    return "" if _is_typed_in(row) else "Nobody types there."


def _there(row: RuntimeSession) -> str:
    return "It is signed off." if row.status == "offline" and not row.resumable else ""


@admin.register(RuntimeSession)
class SessionAdmin(ModelAdmin[RuntimeSession]):
    list_name = "Runtimes"
    view_action = "thread.view"
    about = "Sessions of agents: where they run, how each is woken, when it was last heard."
    tabs = (
        ("There", "there=live"),
        ("Silent", "there=stale"),
        ("Held back", "there=held"),
        ("All", "view=all"),
    )
    empty = "No runtime here."
    empty_hint = "An agent's first heartbeat makes one: POST /api/v1/sessions/heartbeat."
    list_display = [
        "what", "status", "runtime", "adapter", "management", "standing", "failures", "beat_at",
    ]  # fmt: skip
    phone_columns = ("status", "beat_at")
    list_filter = (
        question(
            "Standing",
            "there",
            {
                "live": ("There", lambda rows: rows.live().fresh()),
                "stale": ("Silent", lambda rows: rows.stale()),
                "held": ("Held back", lambda rows: rows.exclude(disabled_reason="", paused=False)),
            },
        ),
        *("status", "adapter", "management", "paused"),
    )
    list_select_related = ["agent"]
    search_fields = ["session_id", "runtime", "agent__name"]
    head_state = "status"
    head_clocks = ("beat_at",)
    facts = (
        *("status", "who", "runtime", "session_id", "adapter", "target", "management"),
        *("resumable", "standing", "operator_busy_until", "stream", "failures"),
        *("disabled_reason", "beat_at", "created_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Agent", "who": "Agent", "session_id": "Session", "adapter": "Woken by",
        "target": "Reached at", "management": "Managed", "standing": "Wakes",
        "failures": "Failures in a row", "disabled_reason": "Switched off because",
        "beat_at": "Last heard", "operator_busy_until": "Somebody types there until",
        "stream": "Its stream", "created_at": "Registered", "resumable": "Can be resumed",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("agent")

    def heading(self, obj: RuntimeSession) -> str:
        return f"{obj.agent.name} on {obj.runtime}"

    @admin.display(description="Agent", ordering="agent__name")
    def what(self, obj: RuntimeSession) -> SafeString:
        return format_html(
            '{} <code class="small quiet">{}</code>', obj.agent.name, obj.session_id[:32]
        )

    @admin.display(description="Agent")
    def who(self, obj: RuntimeSession) -> Any:
        return obj.agent

    @admin.display(description="Wakes")
    def standing(self, obj: RuntimeSession) -> str:
        if obj.disabled_reason:
            return "switched off"
        return "paused" if obj.paused else ""

    @admin.display(description="Its stream")
    def stream(self, obj: RuntimeSession) -> str:
        if not obj.is_pushed_to:
            return ""
        return "open" if obj.is_connected(clock.now()) else "not open: wakes can't be pushed there"

    @button(
        label="Pause", action="thread.pause", reason=True, quiet=True, when=_may_pause,
        confirm="Nothing is sent or typed there until it goes on. Other sessions of the agent are"
        " woken in its place.",
    )  # fmt: skip
    def pause(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> str:
        pausing.pause_session(obj, actor=actor_of(request), paused=True, reason=reason)
        return "Nothing is sent there until it goes on."

    @button(label="Let it go on", action="thread.pause", when=_may_go_on)
    def go_on(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> str:
        pausing.pause_session(obj, actor=actor_of(request), paused=False)
        return "It is woken again."

    @button(
        label="I type there", action="thread.pause", quiet=True, when=_may_type,
        confirm="Nothing is sent or typed there for a minute. Then it is woken, or another session"
        " in its place.",
    )  # fmt: skip
    def hold(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> str:
        seconds = int(numbers.DEFER_SECONDS.value)
        services.hold_for_typing(obj, seconds, actor=actor_of(request))
        return f"It is yours for {seconds} seconds."

    @button(label="I have finished", action="thread.pause", when=_typed)
    def let_go(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> str:
        services.hold_for_typing(obj, 0, actor=actor_of(request))
        return "It is woken again."

    @button(
        label="Sign off", action="thread.runtime", quiet=True, when=_there,
        confirm="It is gone and can't be resumed. The agent registers it again by a heartbeat.",
    )  # fmt: skip
    def sign_off(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> str:
        services.deregister_runtime(obj, actor=actor_of(request))
        return "It is signed off."

    @bulk(label="Pause", action="thread.pause", reason=True)
    def pause_chosen(self, request: HttpRequest, obj: RuntimeSession, reason: str) -> None:
        pausing.pause_session(obj, actor=actor_of(request), paused=True, reason=reason)
