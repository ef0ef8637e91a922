"""Every `/api/` route: one line per package that has some."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("missions.threads.api.urls")),
    path("", include("telemetry.api.urls")),
    path("", include("incidents.intake.urls")),
    path("", include("controlplane.access.api.urls")),
    path("", include("controlplane.base.api.urls")),
    path("", include("controlplane.audit.api")),
    path("", include("controlplane.jobs.api")),
    path("", include("controlplane.notify.api")),
    path("", include("controlplane.backups.api")),
    path("", include("controlplane.privacy.api.urls")),
    path("", include("controlplane.catalog.api.urls")),
    path("", include("controlplane.oncall.api.urls")),
    path("", include("controlplane.work.api.urls")),
    path("", include("controlplane.approvals.api.urls")),
    path("", include("deployments.flags.api.urls")),
    path("", include("deployments.api.urls")),
    path("", include("deployments.canary.api")),
    path("", include("deployments.maintenance.api.urls")),
    path("", include("missions.api.urls")),
    path("", include("incidents.api.alert_urls")),
    path("", include("incidents.api.urls")),
    path("", include("incidents.paging.api.urls")),
    path("", include("incidents.gamedays.api")),
    path("", include("incidents.runbooks.api.urls")),
    path("", include("incidents.support.around_api_urls")),
    path("", include("incidents.support.ticket_api_urls")),
]
