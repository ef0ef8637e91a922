"""Routes of alerts, their sources, silences and rules."""

from __future__ import annotations

from django.urls import path

from incidents.api import alert_views as alerts
from incidents.api import rule_views as rules

_SOURCE = "v1/alert-sources/<uuid:uid>"
_RULE = "v1/alert-rules/<slug:slug>"
urlpatterns = [
    path("v1/alert-sources", alerts.AlertSourcesView.as_view()),
    path(_SOURCE, alerts.AlertSourceView.as_view()),
    path(f"{_SOURCE}/key", alerts.AlertSourceKeyView.as_view()),
    path(f"{_SOURCE}/switch", alerts.AlertSourceSwitchView.as_view()),
    path(f"{_SOURCE}/try", alerts.AlertSourceTryView.as_view()),
    path("v1/alerts", alerts.AlertsView.as_view()),
    path("v1/alerts/<uuid:uid>", alerts.AlertView.as_view()),
    path("v1/alerts/<uuid:uid>/resolve", alerts.AlertResolveView.as_view()),
    path("v1/silences", alerts.SilencesView.as_view()),
    path("v1/silences/<uuid:uid>", alerts.SilenceView.as_view()),
    path("v1/silences/<uuid:uid>/end", alerts.SilenceEndView.as_view()),
    path("v1/alert-rules", rules.AlertRulesView.as_view()),
    path("v1/alert-rules/order", rules.AlertRulesOrderView.as_view()),
    path("v1/alert-rules/try", rules.AlertRulesTryView.as_view()),
    path(_RULE, rules.AlertRuleView.as_view()),
    path(f"{_RULE}/switch", rules.AlertRuleSwitchView.as_view()),
    path(f"{_RULE}/reset", rules.AlertRuleResetView.as_view()),
    path(f"{_RULE}/remove", rules.AlertRuleRemoveView.as_view()),
]
