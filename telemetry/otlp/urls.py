"""Where the specification has them, for exporters that know only the portal's address."""

from __future__ import annotations

from django.urls import path

from telemetry.otlp import api

urlpatterns = [
    path("v1/logs", api.take_logs, name="otlp-root-logs"),
    path("v1/traces", api.take_traces, name="otlp-root-traces"),
]
