"""Routes of tickets."""

from __future__ import annotations

from django.urls import path

from incidents.support import ticket_views as views

_ONE = "v1/tickets/<slug:ref>"
urlpatterns = [
    path("v1/tickets", views.TicketsView.as_view()),
    path(_ONE, views.TicketView.as_view()),
    *(path(f"{_ONE}/{slug}", view.as_view()) for slug, view in views.VERBS.items()),
    path(f"{_ONE}/messages", views.TicketMessagesView.as_view()),
    path(f"{_ONE}/messages/<uuid:uid>", views.TicketMessageView.as_view()),
    path(f"{_ONE}/runbooks", views.TicketRunbooksView.as_view()),
]
