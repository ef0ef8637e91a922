"""Freezes, as a list."""

from __future__ import annotations

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from deployments.models import Freeze


@admin.register(Freeze)
class FreezeAdmin(ModelAdmin[Freeze]):
    view_action = "freeze.view"
    about = "Times in which nothing goes out. Rollbacks, kills and consented hotfixes still do."
    empty = "No freeze was made."
    empty_hint = "POST /api/v1/freezes makes one."
    list_display = ["title", "reason", "starts_at", "ends_at", "ended_at"]
    search_fields = ["title", "reason"]
    facts = ("title", "reason", "starts_at", "ends_at", "ended_at", "created_by", "version")
