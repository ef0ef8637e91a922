from __future__ import annotations

from django.urls import include, path

from telemetry.api import ingest

urlpatterns = [
    path("v1/telemetry/events", ingest.events, name="telemetry-events"),
    path("", include("telemetry.api.measures_urls")),
    path("", include("telemetry.api.audits")),
    path("", include("telemetry.api.sessions")),
    path("", include("telemetry.api.snapshots")),
    path("", include("telemetry.api.rules")),
    path("", include("telemetry.otlp.api")),
]
