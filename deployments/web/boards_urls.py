"""Pages over many deployments. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from deployments.web import (
    boards,
    boards_calendar,
    boards_dora,
    boards_launch,
    boards_launch_review,
    boards_log,
)

app_name = "boards"
_LAUNCH = "admin/deployments/launch/<uuid:uid>"
urlpatterns = [
    path("admin/deployments/board/", boards.board, name="board"),
    path("admin/deployments/calendar/", boards_calendar.calendar, name="calendar"),
    path("admin/deployments/log/", boards_log.log, name="log"),
    path("admin/deployments/log.md", boards_log.log_file, name="log_file"),
    path("admin/deployments/links/", boards_log.links_page, name="links"),
    path("admin/deployments/links/new/", boards_log.subscribe, name="subscribe"),
    path("admin/deployments/links/<uuid:uid>/revoke/", boards_log.revoke, name="revoke"),
    path("admin/deployments/dora/", boards_dora.dora, name="dora"),
    path(f"{_LAUNCH}/lines/<slug:slug>/", boards_launch.line, name="line"),
    path(f"{_LAUNCH}/review/", boards_launch_review.review, name="review"),
    path(f"{_LAUNCH}/checklist.md", boards_launch.checklist_file, name="checklist"),
    path(f"{_LAUNCH}/checklist.pdf", boards_launch.checklist_pdf, name="checklist_pdf"),
    path("releases/<str:token>.atom", boards_log.feed, name="atom"),
    path("releases/<str:token>.ics", boards_log.feed, name="ics"),
]
