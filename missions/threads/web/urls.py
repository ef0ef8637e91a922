"""Threads' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from missions.threads.web import levels, people, say, wake

app_name = "threads"
_ONE = "admin/threads/thread/<uuid:uid>"
urlpatterns = [
    path("admin/threads/levels/", levels.service_levels, name="levels"),
    path(f"{_ONE}/say/", say.say, name="say"),
    path(f"{_ONE}/messages/<int:seq>/", say.message, name="message"),
    path(f"{_ONE}/wake/", wake.wake, name="wake"),
    path(f"{_ONE}/people/", people.people, name="people"),
    path(f"{_ONE}/people/<uuid:agent>/pause/", people.pause, name="pause"),
]
