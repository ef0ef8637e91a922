"""Where a rollout's pages are."""

from __future__ import annotations

from deployments.models import Rollout


def page_of(rollout: Rollout) -> str:
    return f"/admin/deployments/rollout/{rollout.pk}/change/"
