"""Pages around the support desk. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.support import hours_pages, matrix_pages

app_name = "around"
_HOURS = "admin/support/hours"
urlpatterns = [
    path("admin/support/matrix/", matrix_pages.board, name="matrix"),
    path(f"{_HOURS}/", hours_pages.board, name="hours"),
    path(f"{_HOURS}/channels/new/", hours_pages.channel, name="channel_new"),
    path(f"{_HOURS}/channels/<slug:slug>/", hours_pages.channel, name="channel"),
    path(f"{_HOURS}/holidays/new/", hours_pages.holiday, name="holiday_new"),
    path(f"{_HOURS}/holidays/calendar/", hours_pages.calendar, name="calendar"),
    path(f"{_HOURS}/holidays/<uuid:uid>/", hours_pages.holiday, name="holiday"),
]
