"""How many rows a saved view has now: its list is asked, as its page would ask it."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve

from controlplane.base import cache
from controlplane.base.admin.changelist import capped_count
from controlplane.base.web import actor_of, workspace_of
from controlplane.console.models import SavedView
from controlplane.lib import defaults
from controlplane.lib.errors import ControlPlaneError

VIEW_COUNT_S = defaults.define(
    "console.view_count_s", 15, unit="seconds", why="counts of saved views may be this old"
)
MOST = 999


def with_counts(views: list[SavedView], request: HttpRequest) -> list[SavedView]:
    actor_ref, workspace = actor_of(request).ref, workspace_of(request)
    for view in views:
        key = f"view:{view.uid}:{actor_ref}:{workspace.pk if workspace else None}"
        count = cache.cached(key, VIEW_COUNT_S.value, lambda view=view: _count(view, request))  # type: ignore[misc]
        view.live_count = "" if count is None else f"{MOST}+" if count > MOST else str(count)
    return views


def _count(view: SavedView, request: HttpRequest) -> int | None:
    """None where the page is no list, the person may not see it, or its filters are gone."""
    try:
        match = resolve(view.page)
    except Resolver404:
        return None
    model_admin = _admin_of(match.url_name or "")
    if model_admin is None:
        return None
    asked = copy(request)
    asked.GET = QueryDict(view.query)
    asked.path = view.page
    try:
        if not model_admin.has_view_permission(asked):
            return None
        changelist = model_admin.get_changelist_instance(asked)
    except (IncorrectLookupParameters, SuspiciousOperation, ControlPlaneError):
        return None
    return capped_count(changelist.queryset, MOST)


def _admin_of(url_name: str) -> Any:
    for model, model_admin in admin.site._registry.items():
        if url_name == f"{model._meta.app_label}_{model._meta.model_name}_changelist":
            return model_admin
    return None
