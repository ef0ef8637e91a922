"""Pages of rollouts of their own. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from deployments.web import canary_ends, canary_plan

app_name = "canary"
_ONE = "admin/deployments/rollout/<int:pk>"
urlpatterns = [
    path("admin/deployments/rollout/add/", canary_plan.new, name="plan_new"),
    path(f"{_ONE}/plan/", canary_plan.change, name="plan"),
    path(f"{_ONE}/try/", canary_plan.trying, name="try"),
    path(f"{_ONE}/figures/", canary_ends.figures, name="figures"),
    path(f"{_ONE}/complete/", canary_ends.complete, name="complete"),
]
