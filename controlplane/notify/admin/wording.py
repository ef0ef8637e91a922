"""A workspace's own wording of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.notify import services
from controlplane.notify.models import MessageTemplate
from controlplane.notify.wording import CATALOGUE


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin[MessageTemplate]):
    view_action = "notify.view"
    add_action = "notify.manage_channels"
    change_action = "notify.manage_channels"
    add_fields = ("kind", "subject", "body")
    edit_fields = ("subject", "body")
    about = "The workspace's own words for a kind of message. What is not here goes out as shipped."
    empty = "Every message goes out in the shipped words."
    empty_hint = "New message template: choose a kind, and write it with its placeholders."
    list_display = ["kind", "label", "subject", "changed_at", "version"]
    search_fields = ["kind", "subject"]
    facts = ("kind", "label", "changed_at", "version")
    panel_template = "notify/panel_messagetemplate.html"

    @admin.display(description="Sent when")
    def label(self, template: MessageTemplate) -> str:
        return CATALOGUE[template.kind].label if template.kind in CATALOGUE else "never any more"

    def panel_context(self, request: HttpRequest, obj: MessageTemplate) -> Mapping[str, Any]:
        shipped = CATALOGUE.get(obj.kind)
        return {
            "shipped": shipped,
            "shipped_text": f"{shipped.subject}\n\n{shipped.body}" if shipped else "",
            "own_text": f"{obj.subject}\n\n{obj.body}",
            "placeholders": sorted(shipped.placeholders) if shipped else [],
        }

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            kinds = sorted((entry.label, kind) for kind, entry in CATALOGUE.items())
            return forms.ChoiceField(choices=[(kind, label) for label, kind in kinds])
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def service_save(
        self,
        request: HttpRequest,
        obj: MessageTemplate,
        form: forms.ModelForm[MessageTemplate],
        change: bool,
    ) -> MessageTemplate:
        data = form.cleaned_data
        workspace = obj.workspace if change else workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return services.set_wording(
            workspace,
            actor=actor_of(request),
            kind=obj.kind if change else data["kind"],
            subject=data["subject"],
            body=data["body"],
            version=obj.version if change else 0,
        )

    @button(label="Back to the shipped wording", action="notify.manage_channels")
    def reset(self, request: HttpRequest, template: MessageTemplate, reason: str) -> str:
        services.reset_wording(template, actor=actor_of(request))
        return "The shipped wording is used again."
