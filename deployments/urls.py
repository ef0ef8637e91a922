"""Deployments' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from deployments.web import deck_checks, deck_moves, deck_plan, deck_steps

app_name = "deck"
_ONE = "admin/deployments/deployment/<uuid:uid>"
urlpatterns = [
    path("admin/deployments/deployment/plan/", deck_plan.plan, name="plan"),
    path("admin/deployments/deployment/hotfix/", deck_plan.hotfix, name="hotfix"),
    path("admin/deployments/deployment/ensure/", deck_plan.ensure, name="ensure"),
    path(f"{_ONE}/papers/", deck_plan.papers, name="papers"),
    path(f"{_ONE}/move/<slug:slug>/", deck_moves.move, name="move"),
    path(f"{_ONE}/checks/<slug:slug>/", deck_checks.check, name="check"),
    path(f"{_ONE}/steps/<uuid:step>/", deck_steps.step, name="step"),
]
