"""Where the pages of this package's rows are. `page_of` is what everybody links to."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from controlplane.approvals import links as approvals
from deployments.models import Deployment


def page_of(deployment: Deployment) -> str:
    return f"/admin/deployments/deployment/{deployment.pk}/change/"


def row(obj: Any) -> str:
    return f"/admin/{obj._meta.app_label}/{obj._meta.model_name}/{obj.pk}/change/"


def listing(path: str, **query: Any) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/admin/{path}/" + (f"?{asked}" if asked else "")


def papers(deployment: Deployment) -> str:
    """Where it is said what a deployment brings."""
    return reverse("deck:papers", args=(deployment.uid,))


def approval(deployment: Deployment) -> str:
    """Where its consent is decided, or read."""
    request = deployment.approval
    return approvals.page_of(request) if request is not None else ""
