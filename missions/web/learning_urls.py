"""Where the pages of a mission's end and of meetings are."""

from __future__ import annotations

from django.urls import path

from missions.web import learning, meetings

_ONE = "admin/missions/mission/<uuid:uid>"
urlpatterns = [
    path("admin/missions/meetings/", meetings.board, name="meetings"),
    path("admin/missions/meetings/<uuid:uid>/", meetings.meeting, name="meeting"),
    path("admin/missions/meetings/<uuid:uid>/notes.md", meetings.as_file, name="meeting_file"),
    path(f"{_ONE}/feedback/", learning.feedback, name="feedback"),
    path(f"{_ONE}/retrospective/", learning.retrospective, name="retrospective"),
    path(f"{_ONE}/library/", learning.used, name="library"),
]
