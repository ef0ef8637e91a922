"""Pages of evidence, and the playbook's address for making it anew."""

from __future__ import annotations

from django.urls import path

from missions.api.bundles import regenerate_admin, regenerate_admin_slash
from missions.web import evidence

_FILES = "admin/missions/mission/<uuid:uid>/files"
urlpatterns = [
    # As the playbook writes it, for whoever holds a key; no page.
    path("admin/missions/<str:ref>/regenerate-evidence", regenerate_admin),
    path("admin/missions/<str:ref>/regenerate-evidence/", regenerate_admin_slash),
    path(f"{_FILES}/", evidence.evidence_files, name="files"),
    path(f"{_FILES}/do/<slug:slug>/", evidence.act, name="files_do"),
    path(f"{_FILES}/bundles/<int:number>/", evidence.bundle_file, name="bundle_file"),
    path(f"{_FILES}/<uuid:file>/", evidence.evidence_file, name="file"),
    path(f"{_FILES}/<uuid:file>/picture/", evidence.picture, name="file_picture"),
]
