"""Pages of plans, runs and undoing."""

from __future__ import annotations

from django.urls import path

from missions.web import plans

_ONE = "admin/missions/mission/<uuid:uid>"
urlpatterns = [
    path(f"{_ONE}/plan/", plans.plan_page, name="plan"),
    path(f"{_ONE}/runs/", plans.run_list, name="runs"),
    path(f"{_ONE}/runs/<uuid:run>/", plans.run_log, name="run"),
    path(f"{_ONE}/undo/<uuid:run>/", plans.undo_run, name="undo_run"),
]
