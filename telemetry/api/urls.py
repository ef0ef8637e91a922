from __future__ import annotations

from django.urls import path

from telemetry.api import ingest

urlpatterns = [
    path("v1/telemetry/events", ingest.events, name="telemetry-events"),
]
