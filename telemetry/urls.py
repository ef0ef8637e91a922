"""Telemetry's own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from telemetry.web import catalogue, dashboards

app_name = "telemetry"
urlpatterns = [
    path("admin/telemetry/", dashboards.overview, name="overview"),
    path("admin/telemetry/dashboards/<slug:slug>/", dashboards.dashboard, name="dashboard"),
    path(
        "admin/telemetry/dashboards/<slug:slug>/<slug:panel>.<slug:form>",
        dashboards.panel_file,
        name="panel_file",
    ),
    path("admin/telemetry/catalogue/", catalogue.catalogue, name="catalogue"),
]
