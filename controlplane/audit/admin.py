"""The log in the console: searchable, never editable; seals; weekly reviews to sign."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from controlplane.audit import standing, verification, words
from controlplane.audit.api import SEARCH_DAYS, sign
from controlplane.audit.models import AuditEvent, AuditReview, AuditSeal, Outcome
from controlplane.audit.refs import names_one
from controlplane.base.admin import ModelAdmin, button, named
from controlplane.base.admin.linking import event_url, list_url, ref_url, request_url, url_of
from controlplane.base.admin.showing import TIMELINE_ROWS
from controlplane.base.web import actor_of, workspace_of
from controlplane.jobs.models import ScheduledJob
from controlplane.jobs.shown import job_health
from controlplane.lib import clock
from controlplane.lib.text import short


def _called(request: HttpRequest, ref: str) -> str:
    """As the newest event that the reader may see calls them."""
    known = AuditEvent.objects.visible_to(actor_of(request)).filter(actor_ref=ref)
    return known.order_by("-id").values_list("actor_label", flat=True).first() or ref


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin[AuditEvent]):
    list_name = "Audit trail"
    view_action = "audit.view"
    keyed = True
    about = "Everything anybody did, tried or was refused. Rows are only ever added, then sealed."
    tabs = (
        ("People", "actor_kind__exact=person"),
        ("Refused", "outcome__exact=denied"),
        ("Failed", "outcome__exact=failed"),
        ("Agents", "actor_kind__exact=agent"),
        ("All", "view=all"),
    )
    empty = "No such event."
    empty_hint = "GET /api/v1/audit/events reads the same log; manage.py export_audit copies it."
    list_display = ("what", "outcome", "who", "subject", "at", "door", "reason_short")
    phone_columns = ("who", "at")
    head_owner = "who"
    head_clocks = ("at",)
    list_filter = (
        "outcome",
        "actor_kind",
        named("Request", "request", "request_id"),
        named("By", "by", "actor_ref", _called),
        named("About", "about", "subject_ref"),
    )
    search_fields = ("action",)  # the box is shown for it; see get_search_results
    search_help_text = (
        f"Person, thing, action, reason of the last {SEARCH_DAYS.shipped} days; any request id."
    )
    fields = (
        "outcome", "at", "who", "door", "action", "rule", "address", "request_id", "correlation_id",
        "actor_ref", "subject_ref", "number",
    )  # fmt: skip
    panel_template = "audit/panel_auditevent.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        rows = super().get_queryset(request)
        workspace = workspace_of(request)
        if workspace is None:
            return rows
        return rows.filter(Q(workspace_id=workspace.pk) | Q(workspace_id=None))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A request id by its index; words in every text column, within a bounded time:
        unbounded, a rare word would read the whole log."""
        text = search_term.replace("\x00", "").strip()[:100]
        if not text:
            return queryset, False
        if _REQUEST_ID.fullmatch(text):
            return queryset.filter(
                Q(request_id=text) | Q(correlation_id=text, at__gte=_since())
            ), False
        found = AuditEvent.objects.mentioning(text).filter(at__gte=_since()).values("pk")
        return queryset.filter(pk__in=found), False

    def panel_context(self, request: HttpRequest, obj: AuditEvent) -> Mapping[str, Any]:
        actor = actor_of(request)
        rows = AuditEvent.objects.visible_to(actor).of_request(obj.request_id)
        beside = list(rows.exclude(pk=obj.pk).order_by("id")[:20]) if obj.request_id else []
        return {
            "standing": standing.of(obj),
            "phrase": words.phrase(obj),
            "through": words.source_words(obj.source),
            "subject_url": ref_url(obj.subject_ref, actor),
            "subject_events_url": _all_about(obj.subject_ref),
            "actor_events_url": list_url(AuditEvent, urlencode({"by": obj.actor_ref})),
            "request_url": request_url(obj.request_id),
            "beside": beside,
            "has_changes": obj.before is not None or obj.after is not None,
            "leaf": bytes(obj.leaf).hex(),
            "details": _beside_the_changes(obj.details),
        }

    def row_shown(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The timeline of an event is what else its thing went through."""
        if not names_one(obj.subject_ref):
            return {**super().row_shown(request, obj), "events": [obj], "older_events": False}
        rows = AuditEvent.objects.visible_to(actor_of(request)).filter(subject_ref=obj.subject_ref)
        events = list(rows.order_by("-id")[: TIMELINE_ROWS.value + 1])
        return {
            **super().row_shown(request, obj),
            "events": events[: TIMELINE_ROWS.value],
            "older_events": len(events) > TIMELINE_ROWS.value,
        }

    @admin.display(description="What")
    def what(self, event: AuditEvent) -> str:
        return words.sentence(event)

    @admin.display(description="Who")
    def who(self, event: AuditEvent) -> AuditEvent:
        return event

    @admin.display(description="About")
    def subject(self, event: AuditEvent) -> str:
        return event.subject_label or event.subject_ref

    @admin.display(description="Through")
    def door(self, event: AuditEvent) -> str:
        return words.source_words(event.source)

    @admin.display(description="Reason")
    def reason_short(self, event: AuditEvent) -> str:
        return short(event.reason)

    @admin.display(description="Number")
    def number(self, event: AuditEvent) -> int:
        return int(event.pk)


def _all_about(ref: str) -> str:
    return list_url(AuditEvent, urlencode({"about": ref})) if names_one(ref) else ""


def _beside_the_changes(details: Any) -> Any:
    """Which state it came from and went to stands among what changed."""
    if not isinstance(details, dict):
        return details
    return {name: value for name, value in details.items() if name != "transition"}


# What request ids look like: ours, and those of proxies. Words people search for do not.
_REQUEST_ID = re.compile(r"(?=.*[0-9])[0-9a-fA-F-]{16,64}")


def _since() -> datetime:
    return clock.now() - timedelta(days=SEARCH_DAYS.value)


@admin.register(AuditSeal)
class AuditSealAdmin(ModelAdmin[AuditSeal]):
    list_name = "Verification"
    titled = True
    view_action = "audit.verify"
    labels = {"count": "Events"}
    keyed = True
    about = "The chain over the log. Each seal signs a batch of events and the seal before it."
    empty = "Nothing is sealed yet."
    empty_hint = "A worker seals every two seconds. manage.py verify_audit proves the log."
    list_display = ("named", "kind", "events", "at", "short_hash", "key_id")
    list_filter = ("kind",)
    fields = ("kind", "at", "count", "key_id")
    list_panel_template = "audit/list_auditseal.html"
    panel_template = "audit/panel_auditseal.html"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        actor = actor_of(request)
        rows = AuditEvent.objects.visible_to(actor).filter(action="audit.verify")
        asked = rows.exclude(outcome="denied").order_by("-id").first()
        job = ScheduledJob.objects.filter(name="audit.verify").first()
        return {
            "asked": asked,
            "asked_url": event_url(asked) if asked else "",
            "job": job,
            "job_url": url_of(job, actor),
            "job_health": job_health(job) if job else "",
        }

    def panel_context(self, request: HttpRequest, obj: AuditSeal) -> Mapping[str, Any]:
        previous = AuditSeal.objects.filter(n=obj.n - 1).first()
        return {
            "root": bytes(obj.root).hex(),
            "hash": bytes(obj.hash).hex(),
            "prev": bytes(obj.prev).hex(),
            "previous_url": url_of(previous, actor_of(request)),
            "follows": obj.n == 1 or (previous is not None and previous.hash == obj.prev),
            "first": obj.ids[0][0] if obj.ids else None,
            "last": obj.ids[-1][1] if obj.ids else None,
        }

    @admin.display(description="Seal", ordering="n")
    def named(self, seal: AuditSeal) -> str:
        return f"Seal {seal.n:,}"

    @admin.display(description="Events")
    def events(self, seal: AuditSeal) -> int:
        return seal.count

    @admin.display(description="Hash")
    def short_hash(self, seal: AuditSeal) -> str:
        return bytes(seal.hash).hex()[:16]

    @button(label="Verify now", action="audit.verify", place="list")
    def verify_now(self, request: HttpRequest, reason: str) -> str | None:
        workspace = workspace_of(request)
        pk = workspace.pk if workspace is not None else None
        found = verification.verify_now(actor_of(request), workspace_id=pk)
        if not found.finished:
            messages.warning(request, TOO_MUCH)
            return None
        words = (
            f"{found.events:,} events under {found.seals:,} seals read in {found.seconds:.1f} s,"
            f" {found.pending:,} wait for their seal"
        )
        if found.sound:
            return f"Sound: {words}, no finding."
        told = " ".join(each.message + "." for each in found.findings[:3])
        messages.error(request, f"Not sound: {len(found.findings)} findings; {words}. {told}")
        return None


TOO_MUCH = (
    "The log is too long to prove while you wait. The job audit.verify proves it each night; run it"
    " from its page, or manage.py verify_audit at the terminal."
)


def _signed_already(row: AuditReview) -> str:
    return f"Signed by {row.signed_by}." if row.signed_at else ""


@admin.register(AuditReview)
class AuditReviewAdmin(ModelAdmin[AuditReview]):
    view_action = "audit.view"
    labels = {"since": "From", "until": "To"}
    about = "A week of the log, prepared for reading: what was refused, and what is delicate."
    tabs = (
        ("To sign", "signed_at__isempty=1"),
        ("Signed", "signed_at__isempty=0"),
        ("All", "view=all"),
    )
    empty = "No review waits for its signature."
    empty_hint = "Mondays at 06:00 UTC the job audit.prepare_reviews prepares the week before."
    list_display = ("week", "state", "refused", "since", "until", "signed_by", "signed_at")
    list_filter = (("signed_at", admin.EmptyFieldListFilter),)
    fields = ("state", "week", "since", "until", "signed_by", "signed_at")
    panel_template = "audit/panel_auditreview.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditReview]:
        rows = super().get_queryset(request)
        workspace = workspace_of(request)
        return rows if workspace is None else rows.filter(workspace_id=workspace.pk)

    @admin.display(description="State")
    def state(self, row: AuditReview) -> str:
        return "signed" if row.signed_at else "due"

    @admin.display(description="Refused")
    def refused(self, row: AuditReview) -> int:
        return int(row.extract.get("outcomes", {}).get("denied", 0))

    def panel_context(self, request: HttpRequest, obj: AuditReview) -> Mapping[str, Any]:
        outcomes = obj.extract.get("outcomes", {})
        return {
            "outcomes": [(words, outcomes.get(key, 0)) for key, words in Outcome.choices],
            "groups": list(obj.extract.get("groups", {}).values()),
        }

    @button(label="Sign", action="audit.review", reason=True, when=_signed_already)
    def sign(self, request: HttpRequest, row: AuditReview, reason: str) -> str:
        sign(actor_of(request), row, statement=reason)
        return "Signed. Thank you."
