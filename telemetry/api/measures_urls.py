"""Routes of what is read from telemetry."""

from __future__ import annotations

from django.urls import path

from telemetry.api import measures, queries, series

urlpatterns = [
    path("v1/telemetry/measures", measures.MeasuresView.as_view(), name="telemetry-measures"),
    path("v1/telemetry/series", series.SeriesView.as_view(), name="telemetry-series"),
    path("v1/telemetry/queries", queries.QueriesView.as_view(), name="telemetry-queries"),
    path(
        "v1/telemetry/queries/<slug:slug>",
        queries.QueryView.as_view(),
        name="telemetry-query",
    ),
    path(
        "v1/telemetry/queries/<slug:slug>/result",
        queries.QueryResultView.as_view(),
        name="telemetry-query-result",
    ),
]
