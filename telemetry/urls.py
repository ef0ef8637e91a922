"""Telemetry's own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from telemetry.web import audits, catalogue, dashboards, kpis, queries, snapshots

app_name = "telemetry"
urlpatterns = [
    path("admin/telemetry/", dashboards.overview, name="overview"),
    path("admin/telemetry/dashboards/kpi-board/", kpis.board, name="kpi_board"),
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
    path("admin/telemetry/dashboards/kpi-board/compute/", kpis.compute, name="kpi_compute"),
    path("admin/telemetry/dashboards/kpi-board/<str:slug>/", kpis.kpi, name="kpi"),
    path(
        "admin/telemetry/dashboards/kpi-board/<str:slug>/history.<slug:form>",
        kpis.kpi_file,
        name="kpi_file",
    ),
    path("admin/telemetry/auditrun/now/", audits.audit_now, name="audit_now"),
    path("admin/telemetry/auditrun/<uuid:uid>.<slug:form>", audits.audit_file, name="audit_file"),
    path("admin/telemetry/catalogue/", catalogue.catalogue, name="catalogue"),
    path("admin/telemetry/queries/", queries.index, name="queries"),
    path("admin/telemetry/queries/new/", queries.new, name="query_new"),
    path("admin/telemetry/queries/keep/", queries.keep, name="query_keep"),
    path("admin/telemetry/queries/<slug:slug>/", queries.query, name="query"),
    path("admin/telemetry/queries/<slug:slug>/remove/", queries.remove, name="query_remove"),
]
