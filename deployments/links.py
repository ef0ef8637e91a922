"""Where the pages of this package's rows are. `page_of` is what everybody links to."""

from __future__ import annotations

from typing import Any

from deployments.models import Deployment


def page_of(deployment: Deployment) -> str:
    return f"/admin/deployments/deployment/{deployment.pk}/change/"


def row(obj: Any) -> str:
    return f"/admin/{obj._meta.app_label}/{obj._meta.model_name}/{obj.pk}/change/"


def listing(path: str, **query: Any) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/admin/{path}/" + (f"?{asked}" if asked else "")
