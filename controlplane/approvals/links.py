"""Where the pages of approvals are, for messages, refs and for the pages themselves: the same
pages stand in the console and on the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse

from controlplane.approvals.models import Request


def page_of(request: Request) -> str:
    """The address messages carry. Who may not enter the console is led on to the desk."""
    try:
        return reverse("admin:approvals_request_change", args=[request.pk])
    except NoReverseMatch:
        return ""


@dataclass(frozen=True, slots=True)
class Places:
    """Names of routes. `is_desk`: its readers may not be able to enter the console."""

    packet: str
    decide: str
    delegate: str
    comment: str
    export: str
    file: str
    is_desk: bool = False

    def url(self, name: str, request: Any, *more: str) -> str:
        return reverse(getattr(self, name), args=(request.uid, *more))


CONSOLE = Places(
    packet="admin:approvals_request_change",
    decide="approvals:decide",
    delegate="approvals:delegate",
    comment="approvals:comment",
    export="approvals:export",
    file="work:evidence",
)
DESK = Places(
    packet="desk:packet",
    decide="desk:packet",
    delegate="desk:delegate",
    comment="desk:comment",
    export="desk:export",
    file="desk:file",
    is_desk=True,
)
