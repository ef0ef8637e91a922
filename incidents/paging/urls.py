"""The page of whoever is on call. It stands before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.paging import own, web

app_name = "paging"
urlpatterns = [
    path("admin/on-call/", web.on_call, name="on_call"),
    path("admin/on-call/<uuid:uid>/", web.on_it, name="on_it"),
    path("admin/incidents/figures/", web.figures_page, name="figures"),
    path("access/account/calls/", own.own, name="own"),
]
