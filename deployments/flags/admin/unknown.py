"""Names that programs ask for and no flag has."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin
from deployments.flags.admin.cells import drawn
from deployments.flags.models.serving import UnknownFlag


@admin.register(UnknownFlag)
class UnknownFlagAdmin(ModelAdmin[UnknownFlag]):
    list_name = "Unknown flags"
    view_action = "flag.view"
    audited = False  # never touched after it was written
    about = "Asked for by programs, and no flag of this name is here: misspelt, archived, or early."
    empty = "Every flag that was asked for is known."
    empty_hint = "What SDKs ask for and nobody made shows up here within a minute."
    list_display = ("flag_name", "app", "environment", "times", "first_seen", "last_seen", "act")
    phone_columns = ("app", "times")
    list_filter = ("environment",)
    list_select_related = ("environment",)
    search_fields = ("flag_name", "app")
    change_form_template = "flags/row.html"
    change_list_template = "flags/list.html"
    labels = {
        "flag_name": "Name", "app": "Asked by", "times": "Times", "first_seen": "First",
        "last_seen": "Last", "act": "Act",
    }  # fmt: skip
    facts = ("app", "environment", "times", "first_seen", "last_seen", "act")

    def get_list_display(self, request: HttpRequest) -> Any:
        may = self.permits(request, "flag.create")
        return self.list_display if may else self.list_display[:-1]

    def heading(self, obj: UnknownFlag) -> str:
        return obj.flag_name

    @admin.display(description="Act")
    def act(self, row: UnknownFlag) -> Any:
        asked = urlencode({"flag_name": row.flag_name})
        url = f"{reverse('admin:feature_flags_flag_add')}?{asked}"
        return drawn("flags/_make.html", {"url": url, "name": row.flag_name})
