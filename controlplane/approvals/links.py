"""Where the pages of approvals are, for messages and refs."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from controlplane.approvals.models import Request


def page_of(request: Request) -> str:
    try:
        return reverse("admin:approvals_request_change", args=[request.pk])
    except NoReverseMatch:
        return ""
