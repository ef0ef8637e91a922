from __future__ import annotations

from django.urls import URLPattern, path

from controlplane.jobs import web

urlpatterns: list[URLPattern] = [
    path("health", web.alive, name="health"),
    path("ready", web.ready, name="ready"),
    path("metrics", web.metrics_page, name="metrics"),
    path("stream/health", web.stream_alive, name="stream-health"),
]
