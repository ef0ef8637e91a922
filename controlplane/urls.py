"""Doors of the web process: SDKs and the API first; each app adds its own `urls`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from controlplane.base.routes import by_beginning

_ROUTES: list[URLPattern | URLResolver] = [
    path("", include("deployments.flags.serving.urls")),
    path("api/", include("controlplane.api_urls")),
    path("", include("controlplane.base.urls")),
    path("", include("controlplane.jobs.urls")),
    path("", include("controlplane.access.urls")),
    path("", include("controlplane.notify.urls")),
    path("", include("controlplane.privacy.urls")),
    path("", include("controlplane.privacy.web.compliance_urls")),
    path("", include("telemetry.otlp.urls")),
    path("", include("incidents.intake.foreign_urls")),
    path("", include("controlplane.oncall.urls")),
    path("", include("incidents.paging.urls")),
    path("", include("controlplane.work.urls")),
    path("", include("controlplane.approvals.urls")),
    path("", include("controlplane.approvals.desk.urls")),
    path("", include("telemetry.urls")),
    path("", include("deployments.flags.urls")),
    path("", include("deployments.urls")),
    path("", include("missions.urls")),
    path("", include("missions.desk.urls")),
    path("", include("incidents.desk.urls")),
    path("", include("missions.threads.streams.urls")),
    path("", include("deployments.web.canary_urls")),
    path("", include("deployments.web.boards_urls")),
    path("", include("deployments.web.windows_urls")),
    path("", include("incidents.status.urls")),
    path("", include("incidents.urls")),
    path("", include("incidents.web.burning_urls")),
    path("", include("incidents.runbooks.urls")),
    path("", include("incidents.support.around_urls")),
    path("", include("incidents.support.ticket_urls")),
    path("", include("incidents.support.public_urls")),
    path("", include("controlplane.console.urls")),
    path("admin/", admin.site.urls),
]
urlpatterns = by_beginning(_ROUTES)

handler400 = "controlplane.base.web.bad_request"
handler403 = "controlplane.base.web.permission_denied"
handler404 = "controlplane.base.web.page_not_found"
handler500 = "controlplane.base.web.server_error"
