"""Pages of compliance. They stand before the admin's."""

from django.urls import path

from controlplane.privacy.web import compliance as web

app_name = "compliance"
_CONTROL = "admin/compliance/controls/<slug:slug>/<str:period>"
urlpatterns = [
    path("admin/compliance/", web.board, name="board"),
    path(f"{_CONTROL}/", web.control, name="control"),
    path(f"{_CONTROL}/scope/", web.scope, name="scope"),
    path("admin/compliance/files/<uuid:uid>/", web.file, name="file"),
    path("admin/compliance/reports/new/", web.make, name="make"),
    path("admin/compliance/reports/<uuid:uid>/<str:form>/", web.report, name="report"),
]
