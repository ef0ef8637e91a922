"""Policies of escalation with whom they would call, escalations, and the ledger of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.lib.lasting import lasted
from incidents import links
from incidents.models import EscalationPolicy, EscalationRun, Page
from incidents.paging import lines, policies, preview

if TYPE_CHECKING:
    _Form = forms.ModelForm[EscalationPolicy]
else:
    _Form = forms.ModelForm
_AREA = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})


class LadderForm(_Form):
    ladder = forms.CharField(
        label="Steps", widget=_AREA, max_length=8_000,
        help_text="One a line: how long it waits for an answer, then who is called."
        " “5 min: role primary_operator, schedule nights”.",
    )  # fmt: skip
    repeats = forms.IntegerField(
        label="Begins again", initial=3, help_text="This many times, before it stands unanswered."
    )
    last = forms.CharField(
        label="At the end of each round", initial="role workspace_admin", max_length=2_000
    )

    class Meta:
        model = EscalationPolicy
        fields = ("slug", "title", "about")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = self.instance.current if self.instance.pk else None
        if now is not None:
            self.initial["ladder"] = lines.write_steps(now.steps)
            self.initial["repeats"] = now.repeats
            self.initial["last"] = lines.write_targets(now.catch_all)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for name, read in (("ladder", lines.read_steps), ("last", self._targets)):
            try:
                given[name] = read(given.get(name, ""))
            except Invalid as error:
                raise ValidationError({name: error.message.partition(": ")[2]}) from error
        return given

    @staticmethod
    def _targets(text: str) -> Any:
        return lines.read_targets("catch_all", text)


def _here(request: HttpRequest) -> Any:
    known = [*getattr(request, "workspaces", [])]
    here = workspace_of(request) or (known[0] if len(known) == 1 else None)
    if here is None:
        raise Invalid("Choose the workspace it is for, at the top of the page.")
    return here


def _shipped(row: EscalationPolicy) -> str:
    return "" if row.workspace_id is None else "It is the workspace's own already."


def _own(row: EscalationPolicy) -> str:
    if row.workspace_id is None:
        return "It comes with the release: a workspace's own takes its place."
    return "" if row.is_active else "It is put away."


@admin.register(EscalationPolicy)
class PolicyAdmin(ModelAdmin[EscalationPolicy]):
    list_name = "Escalation policies"
    view_action = "paging.view"
    add_action = change_action = "paging.policy"
    about = "Whom to call, step by step, until somebody answers. Shipped ones follow the playbooks."
    tabs = (("All", "view=all"),)
    empty = "No policy yet."
    empty_hint = "The shipped ones appear with the first incident."
    list_display = ["title", "state", "slug", "whose", "version_", "created_at"]
    phone_columns = ("state", "slug")
    search_fields = ["title", "slug"]
    list_select_related = ["workspace", "current"]
    form = LadderForm
    add_fields = ("slug", "title", "about", "ladder", "repeats", "last")
    edit_fields = ("title", "about", "ladder", "repeats", "last")
    panel_template = "incidents/panel_policy.html"
    head_state = "state"
    facts = ("title", "slug", "about", "whose", "version_", "repeats_", "created_at", "uid")
    labels: ClassVar[Mapping[str, str]] = {
        "whose": "Whose", "version_": "Version in force", "repeats_": "Begins again",
        "created_at": "Since",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        policies.adopt()
        return super().get_queryset(request).select_related("workspace", "current")

    @admin.display(description="State")
    def state(self, obj: EscalationPolicy) -> str:
        return "in force" if obj.is_active else "put away"

    @admin.display(description="Whose")
    def whose(self, obj: EscalationPolicy) -> str:
        return obj.workspace.name if obj.workspace is not None else "shipped"

    @admin.display(description="Version in force")
    def version_(self, obj: EscalationPolicy) -> int | None:
        return obj.current.number if obj.current is not None else None

    @admin.display(description="Begins again")
    def repeats_(self, obj: EscalationPolicy) -> str:
        times = obj.current.repeats if obj.current is not None else 0
        return "never" if not times else "once" if times == 1 else f"{times} times"

    def panel_context(self, request: HttpRequest, obj: EscalationPolicy) -> Mapping[str, Any]:
        at = _asked(request)
        actor = actor_of(request)
        chosen = workspace_of(request)
        here = obj.workspace_id or (
            chosen.pk if chosen is not None else next(iter(sorted(actor.workspace_ids)), None)
        )
        rungs = [] if obj.current is None or here is None else preview.would_call(
            obj.current, here, at
        )  # fmt: skip
        versions = list(obj.versions.all()[:10])
        return {"rungs": rungs, "at": at, "asked": request.GET.get("at", ""), "versions": versions}

    def service_save(
        self, request: HttpRequest, obj: EscalationPolicy, form: Any, change: bool
    ) -> EscalationPolicy:
        given = form.cleaned_data
        where = obj.workspace if change and obj.workspace is not None else _here(request)
        now = obj.current if change else None
        return policies.save_policy(
            where, obj.slug if change else given["slug"], actor=actor_of(request),
            title=given.get("title", obj.title), about=given.get("about", obj.about),
            steps=given.get("ladder") or (now.steps if now else []),
            repeats=given.get("repeats", now.repeats if now else 3),
            catch_all=given.get("last") or (now.catch_all if now else None),
        )  # fmt: skip

    @button(
        label="Make it our own", action="paging.policy", when=_shipped,
        confirm="The workspace gets one that says the same, to be changed. It takes this one's"
        " place there.",
    )  # fmt: skip
    def copy(self, request: HttpRequest, obj: EscalationPolicy, reason: str) -> str:
        made = policies.copy_policy(obj, _here(request), actor=actor_of(request))
        return f"{made.title} is the workspace's own now."

    @button(label="Put away", action="paging.policy", reason=True, quiet=True, when=_own)
    def retire(self, request: HttpRequest, obj: EscalationPolicy, reason: str) -> str:
        policies.retire_policy(obj, actor=actor_of(request), reason=reason)
        return "Nothing new is called by it."


def _asked(request: HttpRequest) -> Any:
    """The time of the preview, on the reader's clock; now where none is asked or it is none."""
    try:
        found = parse_datetime(request.GET.get("at", ""))
    except ValueError:
        found = None
    if found is None:
        return clock.now()
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def _matter(obj: EscalationRun | Page) -> SafeString:
    """The incident or the ticket, with a link to its page."""
    return format_html('<a href="{}">{}</a>', links.page_of(obj.matter), _words(obj))


def _words(obj: EscalationRun | Page) -> str:
    return f"{obj.matter.ref} {obj.matter.title}"[:120]


@admin.register(EscalationRun)
class RunAdmin(ModelAdmin[EscalationRun]):
    list_name = "Escalations"
    view_action = "paging.view"
    about = "Who is being called, who answered, and what nobody answered."
    tabs = (("Calling", "status__exact=running"), ("All", "view=all"))
    empty = "Nobody is being called."
    empty_hint = "An incident and a P1 ticket begin one by themselves."
    keyed = True
    list_display = ["what", "status", "policy_", "why", "lasted", "started_at"]
    phone_columns = ("status", "started_at")
    list_filter = ("status", "why")
    list_select_related = ["incident", "ticket", "policy__policy"]
    search_fields = ["incident__ref", "incident__title", "ticket__ref", "ticket__subject"]
    panel_template = "incidents/panel_run.html"
    head_state = "status"
    head_clocks = ("next_at", "started_at")
    facts = (
        *("status", "matter_", "policy_", "why", "reason", "round", "step", "lasted", "started_at"),
        *("next_at", "ended_at", "ended_why", "trouble", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "matter_": "For", "policy_": "Policy", "lasted": "Lasted", "next_at": "Next step",
        "step": "Next step's number", "round": "Rounds before", "ended_why": "How it ended",
        "trouble": "What is in its way", "started_at": "Begun", "ended_at": "Ended",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("incident", "ticket", "policy__policy")

    def heading(self, obj: EscalationRun) -> str:
        return f"{obj.matter.ref}: {obj.policy.policy.title}"

    @admin.display(description="For")
    def what(self, obj: EscalationRun) -> str:
        return _words(obj)

    @admin.display(description="For")
    def matter_(self, obj: EscalationRun) -> SafeString:
        return _matter(obj)

    @admin.display(description="Policy")
    def policy_(self, obj: EscalationRun) -> str:
        return str(obj.policy)

    @admin.display(description="Lasted")
    def lasted(self, obj: EscalationRun) -> Any:
        return lasted(obj.started_at, obj.ended_at)

    def panel_context(self, request: HttpRequest, obj: EscalationRun) -> Mapping[str, Any]:
        rows = obj.pages.select_related("user", "channel", "contact").order_by("pk")
        return {"pages": list(rows[:100])}


@admin.register(Page)
class PageAdmin(ModelAdmin[Page]):
    list_name = "Calls"
    view_action = "paging.view"
    about = "Everybody who was called, and what came of it. Nothing here is ever taken back."
    tabs = (("All", "view=all"), ("Unreached", "status__exact=unreached"))
    empty = "Nobody was called."
    empty_hint = "Calls are made by escalations."
    keyed = True
    audited = False
    list_display = ["whom", "status", "matter_", "why", "created_at"]
    phone_columns = ("status", "created_at")
    list_filter = ("status",)
    list_select_related = ["incident", "ticket", "user", "channel", "contact"]
    search_fields = ["incident__ref", "ticket__ref", "user__name"]
    head_state = "status"
    facts = (
        *("status", "whom", "matter_", "why", "round", "step", "created_at", "sent_at"),
        *("answered_at", "answered_by_way", "note", "next_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "whom": "Who", "matter_": "For", "created_at": "Called", "sent_at": "Left",
        "answered_at": "Answered", "answered_by_way": "Answered by", "next_at": "Next way",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("incident", "ticket", "user", "channel", "contact")

    def heading(self, obj: Page) -> str:
        return f"{self.whom(obj)}, {obj.matter.ref}"

    @admin.display(description="Who")
    def whom(self, obj: Page) -> str:
        return obj.whom or "nobody"

    @admin.display(description="For")
    def matter_(self, obj: Page) -> SafeString:
        return _matter(obj)
