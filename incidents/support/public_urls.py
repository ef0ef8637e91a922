"""What anybody may open of support."""

from __future__ import annotations

from django.urls import path

from incidents.support import public

app_name = "help"
_ONE = "support/<slug:slug>"
urlpatterns = [
    path("support/t/<str:token>", public.ticket, name="ticket"),
    path("support/t/<str:token>/files/<uuid:uid>", public.file, name="file"),
    path(f"{_ONE}/", public.ask, name="ask"),
    path(f"{_ONE}/answers/", public.listing, name="answers"),
    path(f"{_ONE}/answers/<slug:name>/", public.article, name="article"),
    path(f"{_ONE}/answers/<slug:name>/judge", public.judge, name="judge"),
]
