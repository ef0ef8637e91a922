"""What anybody may read: the page under its name, and one of them under /status/ itself."""

from __future__ import annotations

from django.urls import path

from incidents.status import web

app_name = "status"
_ONE = "status/<slug:slug>"
urlpatterns = [
    path("status/", web.first, name="first"),
    path("status/api/v2/<path:rest>", web.first_api, name="first_api"),
    path(f"{_ONE}/subscribe", web.subscribe, name="subscribe"),
    path(f"{_ONE}/<str:verb>/<str:token>", web.answer, name="answer"),
    path(f"{_ONE}/", web.read, name="page"),
    path(f"{_ONE}/<path:rest>", web.read, name="part"),
]
