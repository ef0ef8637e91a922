"""Pages of the rotas, before the admin's; and calendars, which programs fetch."""

from __future__ import annotations

from django.urls import path

from controlplane.oncall.web import asking, board, calendars, handing, importing, rotation, swap

app_name = "oncall"
ONE = "admin/oncall/schedules/<uuid:uid>"
urlpatterns = [
    path("admin/oncall/board/", board.board, name="board"),
    path("admin/oncall/roster/", board.roster_page, name="roster_page"),
    path("admin/oncall/roster.md", board.roster_file, name="roster"),
    path("admin/oncall/calendars/", calendars.calendars, name="calendars"),
    path("admin/oncall/calendars/new/", calendars.subscribe, name="subscribe"),
    path("admin/oncall/calendars/<uuid:uid>/revoke/", calendars.revoke, name="revoke"),
    path("admin/oncall/calendars/wish/", calendars.wish, name="wish"),
    path(f"{ONE}/swap/", swap.swap, name="swap"),
    path(f"{ONE}/ask/", asking.ask, name="ask"),
    path(f"{ONE}/import/", importing.calendar, name="import"),
    path(f"{ONE}/note/", handing.write_note, name="write_note"),
    path("admin/oncall/asked/<uuid:uid>/<slug:verb>/", asking.answer, name="answer"),
    path("admin/oncall/notes/<uuid:uid>/read/", handing.read, name="read_note"),
    path(f"{ONE}/rotations/<int:position>/", rotation.rotation, name="rotation"),
    path(f"{ONE}/rotations/<int:position>/end/", rotation.end, name="end_rotation"),
    path("oncall/calendars/<str:token>.ics", calendars.feed, name="feed"),
]
