"""Telemetry's own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from telemetry.web import catalogue, dashboards, queries, snapshots

app_name = "telemetry"
urlpatterns = [
    path("admin/telemetry/", dashboards.overview, name="overview"),
    path("admin/telemetry/dashboards/<slug:slug>/", dashboards.dashboard, name="dashboard"),
    path(
        "admin/telemetry/dashboards/<slug:slug>/<slug:panel>.<slug:form>",
        dashboards.panel_file,
        name="panel_file",
    ),
    path(
        "admin/telemetry/snapshots/<uuid:uid>.<slug:form>",
        snapshots.snapshot_file,
        name="snapshot_file",
    ),
    path("admin/telemetry/catalogue/", catalogue.catalogue, name="catalogue"),
    path("admin/telemetry/queries/", queries.index, name="queries"),
    path("admin/telemetry/queries/new/", queries.new, name="query_new"),
    path("admin/telemetry/queries/keep/", queries.keep, name="query_keep"),
    path("admin/telemetry/queries/<slug:slug>/", queries.query, name="query"),
    path("admin/telemetry/queries/<slug:slug>/remove/", queries.remove, name="query_remove"),
]
