"""Pages of incidents. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.response import web as response
from incidents.web import moves, opening

app_name = "burning"
_ONE = "admin/incidents/incident/<uuid:uid>"
urlpatterns = [
    path("admin/incidents/incident/new/", opening.new, name="new"),
    path("admin/incidents/levels/", opening.ladder, name="levels"),
    path("admin/incidents/levels/<slug:ladder>/<slug:code>/", opening.level, name="level"),
    path(f"{_ONE}/move/<slug:slug>/", moves.move, name="move"),
    path(f"{_ONE}/alerts/", moves.alerts, name="alerts"),
    path(f"{_ONE}/do/", response.do, name="do"),
    path(f"{_ONE}/act/<slug:kind>/", response.act, name="act"),
    path(f"{_ONE}/undo/<uuid:action>/", response.undo, name="undo"),
    path(f"{_ONE}/update/", response.post, name="update"),
    path(f"{_ONE}/update/<uuid:update>/<slug:verb>/", response.draft, name="draft"),
]
