"""Wakes, those given up first; and the commands that were started for them."""

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
from controlplane.jobs import leases
from controlplane.lib.lasting import lasted
from missions.threads import links
from missions.threads.models import WakeRun, WakeTrigger
from missions.threads.services.requeueing import requeue_wake
from missions.threads.waking.services.running import kill_run


def _given_up(row: WakeTrigger) -> str:
    if row.state != leases.DEAD:
        return "It was not given up."
    return "" if row.thread.is_open else "Its thread is closed."


def _runs(row: WakeRun) -> str:
    if row.status != WakeRun.Status.RUNNING:
        return "It has ended."
    return "Somebody asked for its end already." if row.kill_asked_at else ""


def _thread(row: Any) -> SafeString:
    return format_html(
        '<a href="{}"><code class="small">{}</code> {}</a>',
        links.page_of(row), row.ref, row.title[:80],
    )  # fmt: skip


@admin.register(WakeTrigger)
class WakeAdmin(ModelAdmin[WakeTrigger]):
    list_name = "Wakes"
    view_action = "thread.view"
    about = "Each time somebody asleep was to be woken: how it was tried and what came of it."
    tabs = (
        ("Given up", "turn=dead"),
        ("Under way", "turn=open"),
        ("Over", "turn=over"),
        ("All", "view=all"),
    )
    empty = "No wake here."
    empty_hint = "A message to an agent that sleeps makes one by itself."
    keyed = True
    list_display = ["what", "status", "thread_", "tries_", "in_the_way", "created_at"]
    phone_columns = ("status", "created_at")
    list_filter = (
        question(
            "Turn",
            "turn",
            {
                "dead": ("Given up", lambda rows: rows.filter(state=leases.DEAD)),
                "open": ("Under way", lambda rows: rows.filter(state__in=leases.OPEN)),
                "over": ("Over", lambda rows: rows.exclude(state__in=[*leases.OPEN, leases.DEAD])),
            },
        ),
        *("status", "reason", "forced"),
    )
    list_select_related = ["agent", "thread"]
    search_fields = ["thread__ref", "thread__title", "agent__name", "error_code"]
    panel_template = "threads/_tries.html"
    change_form_template = "threads/wake_row.html"
    head_state = "status"
    head_clocks = ("created_at", "ready_at")
    facts = (
        *("status", "thread_", "who", "reason", "why", "asked_by", "forced", "numbers_", "result"),
        *("in_the_way", "last_error", "session", "created_at", "ready_at", "sent_at", "acked_at"),
        *("acked_by", "finished_at", "deferrals", "prompt", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Who is woken", "who": "Who is woken", "thread_": "Thread", "tries_": "Tries",
        "in_the_way": "What was in the way", "numbers_": "Messages", "acked_by": "Heard by",
        "acked_at": "Heard", "sent_at": "Told", "why": "In words", "created_at": "Begun",
        "deferrals": "Held back (times)",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("agent", "thread", "session")

    def heading(self, obj: WakeTrigger) -> str:
        return f"Wake of {obj.agent.name} in {obj.thread.ref}"

    @admin.display(description="Who is woken")
    def what(self, obj: WakeTrigger) -> str:
        return obj.agent.name

    @admin.display(description="Who is woken")
    def who(self, obj: WakeTrigger) -> Any:
        return obj.agent

    @admin.display(description="Thread")
    def thread_(self, obj: WakeTrigger) -> SafeString:
        return _thread(obj.thread)

    @admin.display(description="Tries")
    def tries_(self, obj: WakeTrigger) -> str:
        counted = (("live", obj.live_tries), ("resumed", obj.resume_tries),
                   ("spawned", obj.spawn_tries))  # fmt: skip
        return ", ".join(f"{number} {word}" for word, number in counted if number)

    @admin.display(description="What was in the way", ordering="error_code")
    def in_the_way(self, obj: WakeTrigger) -> str:
        return obj.error_code.replace("_", " ").capitalize()

    @admin.display(description="Messages")
    def numbers_(self, obj: WakeTrigger) -> str:
        return f"{obj.from_seq} to {obj.to_seq}" if obj.to_seq else ""

    def panel_context(self, request: HttpRequest, obj: WakeTrigger) -> Mapping[str, Any]:
        return {"tries": list(obj.tries.select_related("session")), "runs": list(obj.runs.all())}

    @button(
        label="Try again", action="thread.requeue", reason=True, when=_given_up,
        confirm="From the beginning, its live session first. Say what was mended.",
    )  # fmt: skip
    def requeue(self, request: HttpRequest, obj: WakeTrigger, reason: str) -> str:
        requeue_wake(obj, actor=actor_of(request), reason=reason)
        return f"{obj.agent.name} is woken again."

    @bulk(label="Try again", action="thread.requeue", reason=True)
    def requeue_chosen(self, request: HttpRequest, obj: WakeTrigger, reason: str) -> None:
        requeue_wake(obj, actor=actor_of(request), reason=reason)


@admin.register(WakeRun)
class RunAdmin(ModelAdmin[WakeRun]):
    list_name = "Wake commands"
    view_action = "thread.view"
    about = "Commands that were started to wake somebody: resumed sessions and new ones."
    tabs = (("Running", "status__exact=running"), ("All", "view=all"))
    empty = "No command runs."
    empty_hint = "One is started where a live session doesn't answer, and the agent has a template."
    keyed = True
    list_display = ["what", "status", "thread_", "lasted", "exit_code", "started_at"]
    phone_columns = ("status", "started_at")
    list_filter = ("status", "path")
    list_select_related = ["agent", "trigger__thread"]
    search_fields = ["trigger__thread__ref", "agent__name"]
    head_state = "status"
    head_clocks = ("started_at", "deadline_at")
    facts = (
        *("status", "thread_", "who", "path", "lasted", "exit_code", "output", "argv", "host"),
        *("pid", "supervisor", "started_at", "deadline_at", "ended_at", "kill_asked_at"),
        *("kill_asked_by", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "what": "For", "who": "For", "thread_": "Thread", "lasted": "Ran", "argv": "Command",
        "output": "End of what it said", "deadline_at": "Ends at the latest", "path": "How",
        "exit_code": "Exit code", "kill_asked_at": "End asked for", "kill_asked_by": "by",
        "started_at": "Started", "ended_at": "Ended", "pid": "Process", "host": "Machine",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("agent", "trigger__thread")

    def heading(self, obj: WakeRun) -> str:
        return f"{obj.get_path_display()}: {obj.agent.name} in {obj.trigger.thread.ref}"

    @admin.display(description="For")
    def what(self, obj: WakeRun) -> str:
        return obj.agent.name

    @admin.display(description="For")
    def who(self, obj: WakeRun) -> Any:
        return obj.agent

    @admin.display(description="Thread")
    def thread_(self, obj: WakeRun) -> SafeString:
        return _thread(obj.trigger.thread)

    @admin.display(description="Ran")
    def lasted(self, obj: WakeRun) -> Any:
        return lasted(obj.started_at, obj.ended_at)

    @button(
        label="End it", action="thread.kill", reason=True, quiet=True, when=_runs,
        confirm="The command is asked to end, and made to a few seconds later. Nobody is woken for"
        " it over again.",
    )  # fmt: skip
    def kill(self, request: HttpRequest, obj: WakeRun, reason: str) -> str:
        kill_run(obj, actor=actor_of(request), reason=reason)
        return "Its supervisor ends it now."
