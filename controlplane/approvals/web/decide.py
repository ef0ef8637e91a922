"""Signing in the console."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from controlplane.approvals.links import CONSOLE
from controlplane.approvals.web.answering import Door, answered
from controlplane.approvals.web.common import page, show

DOOR = Door(CONSOLE, show)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def decide(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return answered(request, uid, DOOR)
