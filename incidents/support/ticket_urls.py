"""Pages of the desk. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.support import ticket_figures_page, ticket_pages

app_name = "tickets"
_ONE = "admin/incidents/ticket/<uuid:uid>"
urlpatterns = [
    path("admin/support/figures/", ticket_figures_page.figures, name="figures"),
    path("admin/incidents/ticket/new/", ticket_pages.new, name="new"),
    path(f"{_ONE}/move/<slug:slug>/", ticket_pages.move, name="move"),
    path(f"{_ONE}/say/", ticket_pages.say, name="say"),
    path(f"{_ONE}/say/<uuid:message>/", ticket_pages.better, name="better"),
    path(f"{_ONE}/reply/", ticket_pages.canned_reply, name="canned"),
    path(f"{_ONE}/forget/", ticket_pages.forget, name="forget"),
]
