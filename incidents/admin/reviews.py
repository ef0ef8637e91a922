"""Reviews of incidents: what caused each, found by its words; and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.web import actor_of
from incidents import links
from incidents.gates import told
from incidents.models import IncidentReview
from incidents.reviews import checklist, report, signing, writing
from incidents.reviews.holding import RELATED

_WRITING = IncidentReview.Status.WRITING


def _unwritten(row: IncidentReview) -> str:
    return "" if row.status == _WRITING else "It is published."


def _unpublished(row: IncidentReview) -> str:
    return "Publish it first." if row.status == _WRITING else ""


def _unsigned(row: IncidentReview) -> str:
    if row.approval is not None and row.approval.status in {"open", "approved"}:
        return f"{row.approval.ref} is {row.approval.get_status_display().lower()}."
    return _unpublished(row)


@admin.register(IncidentReview)
class IncidentReviewAdmin(ModelAdmin[IncidentReview]):
    list_name = "Reviews of incidents"
    view_action = "incident.view"
    about = "What caused each incident, what was learned of it, and what is done about it."
    tabs = (("All", "view=all"), ("To be written", "standing=due"), ("With open actions",
            "standing=undone"))  # fmt: skip
    empty = "No review yet."
    empty_hint = "It is begun on the page of an incident that is over."
    list_display = ["what", "severity", "status", "cause", "due_at", "left"]
    phone_columns = ("severity", "status")
    list_filter = (
        question("Standing", "standing", {
            "due": ("To be written", lambda rows: rows.due()),
            "undone": ("With open actions", lambda rows: rows.filter(left__gt=0)),
        }),
        "status",
    )  # fmt: skip
    list_select_related = ["incident__service"]
    search_fields = ["incident__title"]
    search_help_text = "Words of causes, answers and lessons."
    audited = False  # what is written is told of its incident
    panel_template = "incidents/panel_review.html"
    change_form_template = "incidents/record/row.html"
    head_state = "status"
    head_clocks = ("due_at",)
    facts = (
        *("status", "of", "severity", "due_at", "meeting_at", "attendees_", "work", "visibility"),
        *("first_published_at", "published_at", "created_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "of": "Incident", "what": "Incident", "cause": "Root cause", "due_at": "Due",
        "left": "Open actions",
        "meeting_at": "Meeting", "attendees_": "Attendees", "work": "Work item",
        "first_published_at": "First published", "published_at": "Published",
        "created_at": "Begun",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).defer("search")
        match = request.resolver_match
        if match is None or not str(match.url_name).endswith("changelist"):
            return rows.select_related(*RELATED)
        undone = Q(actions__dropped_at=None) & ~Q(actions__item__category="done")
        return rows.defer("timeline", "tree", "search").annotate(
            left=Count("actions", filter=undone, distinct=True)
        )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        words = search_term.replace("\x00", "").strip()
        return (queryset.about(words) if words else queryset), False

    def heading(self, obj: IncidentReview) -> str:
        return f"Review of {obj.incident.ref} {obj.incident.title}"

    @admin.display(description="Incident", ordering="incident")
    def what(self, obj: IncidentReview) -> str:
        return f"{obj.incident.ref} {obj.incident.title[:100]}"

    @admin.display(description="Incident")
    def of(self, obj: IncidentReview) -> SafeString:
        row = obj.incident
        return format_html('<a href="{}">{} {}</a>', links.page_of(row), row.ref, row.title[:100])

    @admin.display(description="Severity", ordering="incident__severity")
    def severity(self, obj: IncidentReview) -> str:
        return obj.incident.severity

    @admin.display(description="Root cause")
    def cause(self, obj: IncidentReview) -> str:
        return obj.incident.root_cause[:160]

    @admin.display(description="Due", ordering="incident__review_due_at")
    def due_at(self, obj: IncidentReview) -> Any:
        return obj.incident.review_due_at if obj.first_published_at is None else None

    @admin.display(description="Open actions", ordering="left")
    def left(self, obj: IncidentReview) -> int:
        return int(getattr(obj, "left", 0))

    @admin.display(description="Attendees")
    def attendees_(self, obj: IncidentReview) -> str:
        return ", ".join(obj.attendees)

    @admin.display(description="Work item")
    def work(self, obj: IncidentReview) -> Any:
        return obj.item

    @admin.display(description="May be read by")
    def visibility(self, obj: IncidentReview) -> str:
        return "The public, once it is published" if obj.is_public else "The house"

    def panel_context(self, request: HttpRequest, obj: IncidentReview) -> Mapping[str, Any]:
        may = self.permits(request, writing.WRITE, obj)
        return {
            "row": obj,
            "incident": obj.incident,
            "points": checklist.of(obj),
            "actions": obj.actions.standing().select_related("owner", "item").order_by("pk"),
            "texts": _texts(obj),
            "may_write": may and obj.status == _WRITING,
            "may_act": may,
            "forms": list(report.FORMS),
            "may_public": obj.is_public and obj.status != _WRITING,
        }

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        found = super()._shown(request, place, obj)
        if place != "detail" or obj is None:
            return found
        decision = self.permits(request, writing.WRITE, obj)
        refusal = _unwritten(obj) if decision else "You may not write reviews here."
        # The next step: to write while something is missing, to publish, to have it signed.
        missing = told(obj) if obj.status == _WRITING else []
        whole = obj.status == _WRITING and not missing
        found = [
            replace(each, refusal=" ".join(missing), primary=False)
            if each.name == "publish" and missing and not each.refusal
            else each
            for each in found
        ]
        write = ShownButton(
            "write", "Write on…" if whole else "Write it…",
            reverse("burning:review_write", args=(obj.uid,)), refusal,
            asks=False, primary=not refusal and not whole, icon="list", leads=True,
        )  # fmt: skip
        if write.primary or not found:
            return [write, *(replace(each, primary=False) for each in found)]
        return [*found, write]

    @button(
        label="Publish", action=writing.PUBLISH, when=_unwritten,
        confirm="Others read it, what it rests on is kept with it, and its lessons are told to the"
        " channels.",
    )  # fmt: skip
    def publish(self, request: HttpRequest, obj: IncidentReview, reason: str) -> str:
        writing.publish_review(obj, actor=actor_of(request))
        return f"The review of {obj.incident.ref} is published."

    @button(label="Ask for signatures", action=writing.PUBLISH, when=_unsigned,
            confirm="Whoever leads, SRE and product sign what it says now.")  # fmt: skip
    def sign(self, request: HttpRequest, obj: IncidentReview, reason: str) -> str:
        done = signing.ask_signatures(obj, actor=actor_of(request))
        return f"{done.approval} asks for signatures."

    @button(label="Write on", action=writing.PUBLISH, reason=True, quiet=True, when=_unpublished)
    def write_on(self, request: HttpRequest, obj: IncidentReview, reason: str) -> str:
        writing.write_on(obj, actor=actor_of(request), reason=reason)
        return "It is being written on; publish it when it says more."


def _texts(row: IncidentReview) -> list[tuple[str, str]]:
    """What it says, in the order in which it is read."""
    return [
        (label, said)
        for label, said in (
            ("Impact", row.impact), ("Root cause", row.incident.root_cause),
            ("Trigger", row.trigger), ("Contributing factors", row.factors),
            ("Gaps in detection", row.gaps), ("Went well", row.went_well),
            ("To be better", row.to_improve), ("Lessons", row.lessons),
            ("Documentation", row.documents),
        )
        if said
    ]  # fmt: skip
