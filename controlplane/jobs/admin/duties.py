"""What people owe regularly, and the record of each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import list_url, url_of
from controlplane.base.web import actor_of
from controlplane.jobs import obligations
from controlplane.jobs.models import Obligation, ObligationRecord

Status = ObligationRecord.Status


def role_name(slug: str) -> str:
    return policy.ROLES[slug][0] if slug in policy.ROLES else slug


@admin.register(Obligation)
class ObligationAdmin(ModelAdmin[Obligation]):
    view_action = "obligation.view"
    labels = {"cadence": "How often"}
    change_action = "obligation.manage"
    edit_fields = ("active", "owner_role")
    about = "Duties that come back: who owes what, how often, and what the record must show."
    tabs = (
        ("In force", "active__exact=1"),
        ("Switched off", "active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No standing obligation is here."
    empty_hint = (
        "Each workspace gets its own within a quarter of an hour, or at once by"
        " manage.py run_job obligations.open_due."
    )
    list_display = ("title", "cadence", "owner", "signer", "active")
    list_filter = ("cadence", "active", "workspace")
    search_fields = ("title", "slug", "evidence")
    in_palette = True
    list_select_related = ("workspace",)
    facts = (
        "state", "cadence", "owner", "signer", "since", "workspace",
    )  # fmt: skip
    panel_template = "jobs/panel_obligation.html"

    @admin.display(description="State")
    def state(self, row: Obligation) -> str:
        return "in effect" if row.active else "off"

    @admin.display(description="Owed by")
    def owner(self, row: Obligation) -> str:
        return role_name(row.owner_role)

    @admin.display(description="Signed by")
    def signer(self, row: Obligation) -> str:
        return role_name(row.sign_role) if row.sign_role else "nobody else"

    def panel_context(self, request: HttpRequest, obj: Obligation) -> Mapping[str, Any]:
        actor = actor_of(request)
        records = obj.records.order_by("-starts_at")[:20]
        return {
            "owner": self.owner(obj),
            "why": obligations.why(obj.slug),
            "signer": role_name(obj.sign_role) if obj.sign_role else "",
            "record_columns": (
                ("period", "Period"),
                ("status", "State", "state"),
                ("due_at", "Due", "when"),
                ("recorded_at", "Recorded", "when"),
                ("note", "What was recorded"),
            ),
            "record_rows": [
                {
                    "period": f"{row.ref} {row.period}",
                    "status": row.get_status_display(),
                    "due_at": row.due_at,
                    "recorded_at": row.recorded_at,
                    "note": row.note,
                    "_url": url_of(row, actor),
                }
                for row in records
            ],
            "records_url": list_url(ObligationRecord, f"q={obj.slug}"),
        }

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "owner_role":
            names = [(slug, policy.ROLES[slug][0]) for slug in sorted(policy.PEOPLE)]
            return forms.ChoiceField(choices=names)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def service_save(
        self, request: HttpRequest, obj: Obligation, form: Any, change: bool
    ) -> Obligation:
        return obligations.change(
            obj,
            actor=actor_of(request),
            active=form.cleaned_data["active"],
            owner_role=form.cleaned_data["owner_role"],
        )


def _is_due(record: ObligationRecord) -> str:
    return "" if record.status == Status.DUE else "it is recorded"


def _waits_for_signature(record: ObligationRecord) -> str:
    return "" if record.status == Status.RECORDED else "nothing to sign"


Open = question(
    "Still owed",
    "owed",
    {
        "open": ("Not complete", lambda rows: rows.unfinished()),
        "overdue": ("Overdue", lambda rows: rows.overdue()),
    },
)


@admin.register(ObligationRecord)
class ObligationRecordAdmin(ModelAdmin[ObligationRecord]):
    view_action = "obligation.view"
    labels = {"starts_at": "Opens"}
    about = "What is owed now, by when, and by whom; and what was recorded before."
    tabs = (
        ("To do", "owed=open"),
        ("Overdue", "owed=overdue"),
        ("To sign", "status__exact=recorded"),
        ("Complete", "status__exact=complete"),
        ("All", "view=all"),
    )
    empty = "Nothing is owed."
    empty_hint = (
        "Records open when their period begins. GET /api/v1/obligations lists them;"
        " POST …/fulfil records one."
    )
    list_display = (
        "title", "status", "due_at", "owner", "period", "reference", "recorded_by", "signed_by",
    )  # fmt: skip
    list_filter = (Open, "status", "workspace")
    search_fields = ("obligation__title", "obligation__slug", "period")
    in_palette = True
    list_select_related = ("workspace", "obligation", "recorded_by", "signed_by")
    head_clocks = ("due_at",)
    fields = (
        "status", "reference", "obligation", "period", "owner", "due_at", "starts_at",
        "recorded_by", "recorded_at", "signed_by", "signed_at", "version",
    )  # fmt: skip
    panel_template = "jobs/panel_obligationrecord.html"

    def heading(self, obj: ObligationRecord) -> str:
        return f"{obj.obligation.title}, {obj.period}"

    @admin.display(description="What", ordering="obligation__title")
    def title(self, record: ObligationRecord) -> str:
        return record.obligation.title

    @admin.display(description="Ref", ordering="number")
    def reference(self, record: ObligationRecord) -> str:
        return str(record.ref)

    @admin.display(description="Owed by")
    def owner(self, record: ObligationRecord) -> str:
        return role_name(record.obligation.owner_role)

    def panel_context(self, request: HttpRequest, obj: ObligationRecord) -> Mapping[str, Any]:
        duty = obj.obligation
        return {
            "duty": duty,
            "why": obligations.why(duty.slug),
            "duty_url": url_of(duty, actor_of(request)),
            "owner": role_name(duty.owner_role),
            "signer": role_name(duty.sign_role) if duty.sign_role else "",
            "is_due": obj.status == Status.DUE,
            "is_recorded": obj.status == Status.RECORDED,
        }

    @button(label="Record as done", action="obligation.fulfil", reason=True, when=_is_due)
    def fulfil(self, request: HttpRequest, obj: ObligationRecord, reason: str) -> str:
        row = obligations.fulfil(obj, actor=actor_of(request), note=reason, version=obj.version)
        return f"{row.ref} is recorded."

    @button(label="Sign", action="obligation.sign", reason=True, when=_waits_for_signature)
    def sign(self, request: HttpRequest, obj: ObligationRecord, reason: str) -> str:
        row = obligations.sign(obj, actor=actor_of(request), statement=reason, version=obj.version)
        return f"{row.ref} is signed and complete."
