"""Pages of maintenance windows. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from deployments.web import windows

app_name = "windows"
_ONE = "admin/maintenance/<uuid:uid>"
urlpatterns = [
    path("admin/maintenance/plan/", windows.plan, name="plan"),
    path("admin/maintenance/plan/<slug:kind>/", windows.plan, name="plan_kind"),
    path(f"{_ONE}/change/", windows.change, name="change"),
    path(f"{_ONE}/reschedule/", windows.reschedule, name="reschedule"),
    path(f"{_ONE}/move/<slug:slug>/", windows.move, name="move"),
    path(f"{_ONE}/tasks/<str:key>/", windows.task, name="task"),
    *(
        path(f"{_ONE}/{slug}/", windows.part, {"slug": slug}, name=slug.replace("-", "_"))
        for slug in windows.PARTS
    ),
]
