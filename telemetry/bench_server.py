"""The portal's web process with one route more: the usual DRF way of taking in events, which is
what the ingest is measured against. Only benches start it."""

from __future__ import annotations

import os
import types
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402  (apps must be ready first)
from django.urls import include, path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.permissions import AllowAny  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from telemetry.models import Event  # noqa: E402


class PlainSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = "__all__"


class PlainView(APIView):
    """`many=True` and a `save()` per row. It redacts nothing and judges nobody."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = PlainSerializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        rows: Any = serializer.save()
        return Response({"stored": len(rows)}, status=202)


_urls: Any = types.ModuleType("telemetry_bench_urls")
_urls.urlpatterns = [
    path("plain", PlainView.as_view()),
    path("", include("controlplane.urls")),
]
settings.ROOT_URLCONF = _urls
