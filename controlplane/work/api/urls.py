"""Routes of the work graph."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from controlplane.work.api import beads

HERE = "v1/work"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{HERE}/bd", beads.bd, name="api-work-bd"),
]
