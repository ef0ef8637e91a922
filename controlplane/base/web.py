from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse


def page_context(request: HttpRequest) -> dict[str, Any]:
    return {}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return HttpResponse("The form has expired. Reload the page and send it again.", status=403)
