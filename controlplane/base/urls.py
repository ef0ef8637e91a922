"""Routes of base's own outside of `/api/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("", include("controlplane.base.mcp.urls"))]
