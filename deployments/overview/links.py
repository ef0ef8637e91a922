"""Where the pages over many deployments are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from controlplane.approvals.models import Request
from deployments.models import Launch


def board() -> str:
    return reverse("boards:board")


def asking(name: str, **query: Any) -> str:
    """A page of these, with its questions in the address; empty ones are left out."""
    asked = urlencode({key: value for key, value in query.items() if value not in {"", None}})
    return reverse(f"boards:{name}") + (f"?{asked}" if asked else "")


def launch(row: Launch) -> str:
    return reverse("admin:deployments_launch_change", args=[row.uid])


def review(row: Launch) -> str:
    return reverse("boards:review", args=[row.uid])


def page_of_request(request: Request) -> str:
    from deployments.services.launches import of

    row = of(request)
    return launch(row) if row is not None else ""
