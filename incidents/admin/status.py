"""The public status page of a workspace: what it is called, who may read it, what it says now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from controlplane.catalog.models import Component
from controlplane.lib import clock
from incidents.models import StatusPage
from incidents.status import links, picture, services


@admin.register(StatusPage)
class StatusPageAdmin(ModelAdmin[StatusPage]):
    list_name = "Status pages"
    view_action = "incident.view"
    add_action = change_action = services.KEEP
    about = "What the public reads: components, incidents as customers are told, maintenance."
    tabs = (("All", "view=all"),)
    empty = "No status page yet."
    empty_hint = "Make one; it is read by nobody until it is opened."
    list_display = ["title", "address", "standing", "readers"]
    phone_columns = ("standing",)
    search_fields = ["title", "slug"]
    add_fields = edit_fields = ("title", "slug", "intro", "time_zone", "is_open", "is_first")
    panel_template = "incidents/panel_status.html"
    facts = ("title", "address", "standing", "intro", "time_zone", "readers", "created_at", "uid")
    labels: ClassVar[Mapping[str, str]] = {
        "address": "Address", "standing": "Read by", "readers": "Told by mail",
        "time_zone": "Time zone", "is_open": "Anybody may read it",
        "is_first": "Stands under /status/ itself", "created_at": "Made",
    }  # fmt: skip

    @admin.display(description="Address")
    def address(self, obj: StatusPage) -> SafeString:
        return format_html('<a href="{}">/status/{}/</a>', links.home(obj), obj.slug)

    @admin.display(description="Read by")
    def standing(self, obj: StatusPage) -> str:
        return "Everybody" if obj.is_open else "Nobody yet"

    @admin.display(description="Told by mail")
    def readers(self, obj: StatusPage) -> int:
        return obj.subscribers.confirmed().count()

    def panel_context(self, request: HttpRequest, obj: StatusPage) -> Mapping[str, Any]:
        hidden = Component.objects.filter(
            workspace=obj.workspace_id, is_active=True, is_public=False
        )
        return {
            "picture": picture.draw(obj, clock.now()),
            "hidden": hidden.count(),
            "written_at": getattr(getattr(obj, "document", None), "written_at", None),
        }

    def service_save(
        self, request: HttpRequest, obj: StatusPage, form: Any, change: bool
    ) -> StatusPage:
        given = {name: form.cleaned_data[name] for name in self.edit_fields}
        actor = actor_of(request)
        if change:
            return services.change_page(obj, actor=actor, **given)
        return services.create_page(workspace_for(request, services.KEEP), actor=actor, **given)
