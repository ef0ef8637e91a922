"""Routes of the catalog."""

from __future__ import annotations

from django.urls import path

from controlplane.catalog.api import entries, health, integrations, vault

HERE = "v1/catalog"
urlpatterns = [
    path(f"{HERE}/environments", entries.EnvironmentsView.as_view()),
    path(f"{HERE}/environments/<slug:slug>", entries.EnvironmentView.as_view()),
    path(f"{HERE}/services", entries.ServicesView.as_view()),
    path(f"{HERE}/services/<uuid:uid>", entries.ServiceView.as_view()),
    path(f"{HERE}/services/<uuid:uid>/retire", entries.ServiceRetireView.as_view()),
    path(f"{HERE}/services/<uuid:uid>/restore", entries.ServiceRestoreView.as_view()),
    path(f"{HERE}/services/<uuid:uid>/uptime", health.UptimeView.as_view()),
    path(f"{HERE}/components", entries.ComponentsView.as_view()),
    path(f"{HERE}/components/<uuid:uid>", entries.ComponentView.as_view()),
    path(f"{HERE}/integrations", integrations.IntegrationsView.as_view()),
    path(f"{HERE}/integrations/<slug:slug>", integrations.IntegrationView.as_view()),
    path(f"{HERE}/integrations/<slug:slug>/outcomes", integrations.OutcomeView.as_view()),
    path(f"{HERE}/integrations/<slug:slug>/trial", integrations.TrialView.as_view()),
    path(f"{HERE}/integrations/<slug:slug>/breaker", integrations.BreakerView.as_view()),
    path(f"{HERE}/breakers", integrations.breakers),
    path(f"{HERE}/retry-policy", integrations.retry_policy),
    path(f"{HERE}/operations", integrations.operations),
    path(f"{HERE}/probes", health.ProbesView.as_view()),
    path(f"{HERE}/probes/<uuid:uid>", health.ProbeView.as_view()),
    path(f"{HERE}/probes/<uuid:uid>/look", health.LookView.as_view()),
    path(f"{HERE}/probes/<uuid:uid>/results", health.ResultsView.as_view()),
    path(f"{HERE}/down-intervals", health.DownIntervalsView.as_view()),
    path(f"{HERE}/secrets", vault.SecretsView.as_view()),
    path(f"{HERE}/secrets/<uuid:uid>", vault.SecretView.as_view()),
    path(f"{HERE}/secrets/<uuid:uid>/rotated", vault.SecretRotatedView.as_view()),
    path(f"{HERE}/secrets/<uuid:uid>/retire", vault.SecretRetireView.as_view()),
]
