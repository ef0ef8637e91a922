"""What the portal under load is compared with, on a web server like its own: WSGI that answers two
bytes, and a view of Django without middleware that reads fifty rows. Only benches start it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

from django.conf import settings

settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
settings.ALLOWED_HOSTS = ["*"]

from django.core.wsgi import get_wsgi_application  # noqa: E402

_django = get_wsgi_application()

from django.http import HttpRequest, JsonResponse  # noqa: E402  (apps must be ready first)
from django.urls import path  # noqa: E402

from controlplane.work.models import Item  # noqa: E402

RAW, ROWS = "/raw", "/rows"


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == RAW:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return (b"ok",)
    answer: Iterable[bytes] = _django(environ, start_response)
    return answer


def rows(request: HttpRequest) -> JsonResponse:
    found = Item.objects.order_by("-pk").values("key", "title", "status", "priority", "created_at")
    return JsonResponse({"items": list(found[:50])})


urlpatterns = [path("rows", rows)]
