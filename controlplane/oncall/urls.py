"""Pages of the rotas, before the admin's; and calendars, which programs fetch."""

from __future__ import annotations

from django.urls import path

from controlplane.oncall.web import board, calendars, rotation, swap

app_name = "oncall"
ONE = "admin/oncall/schedules/<uuid:uid>"
urlpatterns = [
    path("admin/oncall/board/", board.board, name="board"),
    path("admin/oncall/roster.md", board.roster_file, name="roster"),
    path("admin/oncall/calendars/", calendars.calendars, name="calendars"),
    path("admin/oncall/calendars/new/", calendars.subscribe, name="subscribe"),
    path("admin/oncall/calendars/<uuid:uid>/revoke/", calendars.revoke, name="revoke"),
    path(f"{ONE}/swap/", swap.swap, name="swap"),
    path(f"{ONE}/rotations/<int:position>/", rotation.rotation, name="rotation"),
    path(f"{ONE}/rotations/<int:position>/end/", rotation.end, name="end_rotation"),
    path("oncall/calendars/<str:token>.ics", calendars.feed, name="feed"),
]
