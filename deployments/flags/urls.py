"""Pages of feature flags of their own. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from deployments.flags.web import edit, segment, switch, trying

app_name = "flags"
_FLAG = "admin/feature_flags/flag/<uuid:uid>/in/<slug:slug>"
urlpatterns = [
    path("admin/feature_flags/try/", trying.trying, name="try"),
    path("admin/feature_flags/segment/add/", segment.new, name="segment_new"),
    path("admin/feature_flags/segment/<uuid:uid>/conditions/", segment.change, name="segment"),
    path(f"{_FLAG}/rules/", edit.edit, name="edit"),
    path(f"{_FLAG}/switch/", switch.switch, name="switch"),
]
