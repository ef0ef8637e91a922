"""Routes of the work graph."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

HERE = "v1/work"
urlpatterns: list[URLPattern | URLResolver] = []
