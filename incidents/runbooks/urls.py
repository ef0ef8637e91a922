"""Pages of runbooks. They stand before the admin's."""

from __future__ import annotations

from django.urls import path, re_path

from incidents.runbooks import web

app_name = "runbooks"
_ONE = "admin/runbooks/of/<uuid:uid>"
_RUN = "admin/runbooks/runs/<uuid:uid>"
urlpatterns = [
    path("admin/runbooks/new/", web.edit, name="new"),
    re_path(r"^admin/runbooks/drills\.(?P<form>md|csv|json)$", web.drills, name="drills"),
    path(f"{_ONE}/edit/", web.edit, name="edit"),
    path(f"{_ONE}/validate/", web.validate, name="validate"),
    path(f"{_ONE}/versions/<int:number>/", web.version, name="version"),
    path(f"{_ONE}/away/", web.away, name="away"),
    path(f"{_ONE}/take/", web.take, name="take"),
    path(f"{_ONE}/act/<slug:verb>/", web.act, name="act"),
    path(f"{_ONE}/consult/", web.consult, name="consult"),
    path(f"{_ONE}/file.md", web.as_file, name="file"),
    path(f"{_RUN}/steps/<int:number>/", web.step, name="step"),
    path(f"{_RUN}/<slug:verb>/", web.over, name="over"),
    path("admin/runbooks/<slug:slug>/", web.by_name, name="by_name"),
]
