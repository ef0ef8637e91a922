"""Paths below `/api/` that base owns."""

from __future__ import annotations

from django.urls import path

from controlplane.base.api import documents, routes

urlpatterns = [
    path("schema/", documents.SchemaView.as_view(), name="api-schema"),
    path("docs/", documents.docs, name="api-docs"),
    path("v1/throttles", routes.ThrottleList.as_view(), name="api-throttles"),
    path("v1/throttles/<uuid:uid>", routes.ThrottleDetail.as_view(), name="api-throttle"),
    path("v1/throttles/<uuid:uid>/lift", routes.ThrottleLift.as_view(), name="api-throttle-lift"),
]
