"""The log in the console: searchable, never editable; seals; weekly reviews to sign."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.audit.api import SEARCH_DAYS, sign
from controlplane.audit.models import AuditEvent, AuditReview, AuditSeal
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin[AuditEvent]):
    view_action = "audit.view"
    keyed = True
    list_display = ("at", "actor_label", "action", "subject", "outcome", "door", "reason_short")
    list_filter = ("outcome", "actor_kind")
    search_fields = ("action",)  # the box is shown for it; see get_search_results
    search_help_text = (
        f"Person, thing, action, reason or request id; the last {SEARCH_DAYS.shipped} days."
    )
    fields = (
        "at", "actor_kind", "actor_ref", "actor_label", "action", "subject_ref", "subject_label",
        "outcome", "reason", "rule", "before", "after", "details", "source", "request_id",
        "correlation_id", "address", "leaf_hex",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        rows = super().get_queryset(request)
        workspace = workspace_of(request)
        if workspace is None:
            return rows
        return rows.filter(Q(workspace_id=workspace.pk) | Q(workspace_id=None))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Every text column, within a bounded time: unbounded, a rare word would read it all."""
        text = search_term.replace("\x00", "").strip()[:100]
        if not text:
            return queryset, False
        since = clock.now() - timedelta(days=SEARCH_DAYS.value)
        found = AuditEvent.objects.mentioning(text).filter(at__gte=since).values("pk")
        return queryset.filter(pk__in=found), False

    @admin.display(description="Subject")
    def subject(self, event: AuditEvent) -> str:
        return event.subject_label or event.subject_ref

    @admin.display(description="Door")
    def door(self, event: AuditEvent) -> str:
        return event.source

    @admin.display(description="Reason")
    def reason_short(self, event: AuditEvent) -> str:
        return event.reason[:80]

    @admin.display(description="Leaf")
    def leaf_hex(self, event: AuditEvent) -> str:
        return bytes(event.leaf).hex()


@admin.register(AuditSeal)
class AuditSealAdmin(ModelAdmin[AuditSeal]):
    view_action = "audit.verify"
    keyed = True
    list_display = ("n", "kind", "at", "count", "short_hash")
    list_filter = ("kind",)
    fields = ("n", "kind", "at", "count", "root_hex", "hash_hex", "key_id")

    @admin.display(description="Hash")
    def short_hash(self, seal: AuditSeal) -> str:
        return bytes(seal.hash).hex()[:16]

    @admin.display(description="Root")
    def root_hex(self, seal: AuditSeal) -> str:
        return bytes(seal.root).hex()

    @admin.display(description="Hash")
    def hash_hex(self, seal: AuditSeal) -> str:
        return bytes(seal.hash).hex()


def _signed_already(row: AuditReview) -> str:
    return f"Signed by {row.signed_by}." if row.signed_at else ""


@admin.register(AuditReview)
class AuditReviewAdmin(ModelAdmin[AuditReview]):
    view_action = "audit.view"
    list_display = ("week", "since", "until", "signed_at", "signed_by")
    fields = ("week", "since", "until", "summary", "signed_at", "signed_by", "statement")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditReview]:
        rows = super().get_queryset(request)
        workspace = workspace_of(request)
        return rows if workspace is None else rows.filter(workspace_id=workspace.pk)

    @admin.display(description="Extract")
    def summary(self, row: AuditReview) -> SafeString:
        groups = row.extract.get("groups", {}).values()
        return format_html_join("", "{}", ((_group(each),) for each in groups))

    @button(label="Sign", action="audit.review", reason=True, when=_signed_already)
    def sign(self, request: HttpRequest, row: AuditReview, reason: str) -> str:
        sign(actor_of(request), row, statement=reason)
        return "Signed. Thank you."


def _group(group: dict[str, Any]) -> SafeString:
    rows = format_html_join(
        "",
        "<li>{} · {} · {} · {}{}</li>",
        (
            (
                row["at"][:16].replace("T", " "),
                row["actor_label"],
                row["action"],
                row["subject_label"] or row["subject_ref"],
                f" · {row['reason']}" if row["reason"] else "",
            )
            for row in group["rows"]
        ),
    )
    return format_html("<p><b>{}</b>: {}</p><ul>{}</ul>", group["title"], group["count"], rows)
