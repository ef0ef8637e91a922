"""Launches: their list, and their page with the checklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals import links as approvals
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.oncall.web.common import on_the_wall
from deployments import services
from deployments.launches import LINES
from deployments.models import Launch
from deployments.overview import launch_review, launched
from deployments.overview import links as addresses

MANAGE = "launch.manage"
FIELDS = ("title", "about", "launch_at")

if TYPE_CHECKING:
    _Form = forms.ModelForm[Launch]
else:
    _Form = forms.ModelForm


_FALLEN = "What was signed was signed of the launch as it stood: ask for the signatures anew."


class LaunchForm(_Form):
    class Meta:
        model = Launch
        fields = FIELDS
        help_texts: ClassVar[Mapping[str, str]] = {
            "about": "What goes live, for whom. It stands in what is signed.",
        }


def _not_yet(obj: Launch) -> str:
    if obj.status != "preparing":
        return f"It is {obj.get_status_display().lower()}."
    still = obj.lines.unsettled().count()
    return f"{still} of its lines are open: settle them first." if still else ""


def _cancelled(obj: Launch) -> str:
    return "It is cancelled." if obj.status == "cancelled" else ""


def _cannot_reopen(obj: Launch) -> str:
    return "" if obj.status in {"signing", "signed"} else "Nobody was asked to sign."


@admin.register(Launch)
class LaunchAdmin(ModelAdmin[Launch]):
    list_name = "Launches"
    view_action = "launch.view"
    add_action = MANAGE
    change_action = MANAGE
    about = "What must hold before something goes live, what shows it, and who signed."
    tabs = (("Being prepared", "status__exact=preparing"), ("All", "view=all"))
    empty = "No launch is planned."
    empty_hint = "Plan one: its checklist comes with it. POST /api/v1/launches does the same."
    list_display = ["title", "status", "launch_at", "signed_at", "ref"]
    list_filter = ["status"]
    search_fields = ["title", "ref"]
    form = LaunchForm
    add_fields = FIELDS
    edit_fields = FIELDS
    head_state = "status"
    head_clocks = ("launch_at",)
    facts = ("ref", "launch_at", "about", "signed_at", "created_by", "created_at")
    panel_template = "deployments/panel_launch.html"
    change_form_template = "deployments/launch_row.html"
    labels: ClassVar[Mapping[str, str]] = {
        "title": "Called", "about": "What goes live", "launch_at": "Live",
        "signed_at": "Signed off",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("approval", "workspace")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        on_the_wall(form, request, "launch_at")
        return form

    def heading(self, obj: Launch) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: Launch) -> Mapping[str, Any]:
        hints = {line.slug: line.evidence for line in LINES}
        may = policy.can(actor_of(request), "launch.tick", obj).allowed
        rows = list(obj.lines.order_by("position"))
        first = next((line for line in rows if line.state == "open"), None)
        lines = [
            {
                "line": line,
                "next": line == first,
                "hint": hints.get(line.slug, ""),
                "tone": "good" if line.state == "done" else "neutral",
                "door": reverse("boards:line", args=(obj.uid, line.slug)),
            }
            for line in rows
        ]
        request_of = obj.approval
        return {
            "lines": lines,
            "settled": sum(one["line"].state != "open" for one in lines),
            "may_tick": may and obj.status != "cancelled",
            "approval": request_of,
            "approval_link": approvals.page_of(request_of) if request_of is not None else "",
            "slots": _slots(obj),
            "cycle": launched.report(obj) if obj.status == "signed" else None,
            "review": launch_review.state_of(obj),
            "review_page": addresses.review(obj),
            "review_due": launched.review_due(obj),
            "file": reverse("boards:checklist", args=(obj.uid,)),
            "paper": reverse("boards:checklist_pdf", args=(obj.uid,)),
        }

    # --- Writes ---------------------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: Launch, form: forms.ModelForm[Launch], change: bool
    ) -> Launch:
        actor = actor_of(request)
        given = {name: form.cleaned_data[name] for name in FIELDS}
        if change:
            was = obj.status
            done = services.change_launch(obj, actor=actor, **given)
            if done.status == "preparing" != was:
                messages.warning(request, _FALLEN)
            return done
        known = list(getattr(request, "workspaces", []))
        workspace = workspace_of(request) or (known[0] if len(known) == 1 else None)
        if workspace is None:
            raise Invalid("Choose the workspace it is for.")
        return services.plan_launch(workspace, actor=actor, **given)

    @button(label="Ask for signatures", action=MANAGE, when=_not_yet)
    def ask(self, request: HttpRequest, obj: Launch, reason: str) -> str:
        done = services.ask_sign_off(obj, actor=actor_of(request))
        return f"{done.approval.ref if done.approval else 'It'} asks for the signatures."

    @button(label="Open again", action=MANAGE, reason=True, when=_cannot_reopen, quiet=True,
            confirm="What was signed counts for nothing, and is asked for anew.")  # fmt: skip
    def reopen(self, request: HttpRequest, obj: Launch, reason: str) -> str:
        services.reopen_launch(obj, actor=actor_of(request), reason=reason)
        return f"{obj.title} is being prepared."

    @button(label="Cancel", action=MANAGE, reason=True, when=_cancelled, quiet=True,
            confirm="It will not be launched; its checklist stays to be read.")  # fmt: skip
    def cancel(self, request: HttpRequest, obj: Launch, reason: str) -> str:
        services.cancel_launch(obj, actor=actor_of(request), reason=reason)
        return f"{obj.title} is cancelled."


def _slots(obj: Launch) -> list[dict[str, Any]]:
    """Who is asked, and who answered."""
    if obj.approval is None:
        return []
    told: dict[int, list[Any]] = {}
    for one in obj.approval.decisions.select_related("person").order_by("pk"):
        told.setdefault(one.slot_id, []).append(one)
    return [
        {"slot": slot, "decisions": told.get(slot.pk, [])}
        for slot in obj.approval.slots.order_by("position")
    ]
