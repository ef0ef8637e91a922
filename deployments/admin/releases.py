"""Deployments and the allow-list of adapters."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from deployments.models import Adapter, Deployment


@admin.register(Deployment)
class DeploymentAdmin(ModelAdmin[Deployment]):
    view_action = "deployment.view"
    about = "Releases on their way: what goes where, what stands in the way, how it went."
    empty = "Nothing was deployed yet."
    empty_hint = "POST /api/v1/deployments/ensure finds or plans the deployment of a release."
    list_display = ["title", "status", "kind", "tier", "environment", "deployed_at", "ref"]
    list_filter = ["status", "kind", "tier"]
    search_fields = ["ref", "title", "release", "commit_sha"]
    head_state = "status"
    head_clocks = ("monitor_until", "docs_due_at")
    facts = (
        *("ref", "release", "environment", "kind", "tier", "commit_sha", "image_tag"),
        *("image_digest", "ci_url", "rollback_plan", "backup_ref", "evidence_path", "watcher"),
        *("verdict", "verdict_words", "started_at", "deployed_at", "closed_at", "close_reason"),
    )
    in_palette = True

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("environment", "watcher", "item")

    def heading(self, obj: Deployment) -> str:
        return obj.title


@admin.register(Adapter)
class AdapterAdmin(ModelAdmin[Adapter]):
    view_action = "deployment.view"
    about = "What may be run or called for a deployment. Nothing else ever is."
    empty = "Nothing may be run: every step is done by hand."
    empty_hint = "POST /api/v1/deployment-adapters adds one, switched off."
    list_display = ["slug", "title", "kind", "enabled", "timeout_s"]
    search_fields = ["slug", "title"]
    facts = ("slug", "title", "kind", "enabled", "url", "timeout_s", "for_step", "version")
