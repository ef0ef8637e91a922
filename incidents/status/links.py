"""Addresses of a status page, and the signed ones of whoever is told by mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import signing

from controlplane.lib.errors import NotFound
from incidents.models import StatusPage, StatusSubscriber

_CONFIRM, _LEAVE = "status.confirm", "status.leave"
_CONFIRM_S = 7 * 24 * 3600


def page(row: StatusPage) -> str:
    return f"{settings.PUBLIC_URL}/status/{row.slug}"


def home(row: StatusPage) -> str:
    """Where a reader is sent; what lies under it is added to `page`."""
    return f"{page(row)}/"


def confirm(row: StatusSubscriber) -> str:
    return f"{page(row.page)}/confirm/{signing.dumps(str(row.uid), salt=_CONFIRM)}"


def leave(row: StatusSubscriber) -> str:
    return f"{page(row.page)}/leave/{signing.dumps(str(row.uid), salt=_LEAVE)}"


def reader_of(slug: str, verb: str, token: str) -> StatusSubscriber:
    """Whoever a link was made for; a forged or an old one leads nowhere."""
    options: dict[str, Any] = (
        {"salt": _CONFIRM, "max_age": _CONFIRM_S} if verb == "confirm" else {"salt": _LEAVE}
    )
    try:
        uid = signing.loads(token, **options)
    except signing.BadSignature:
        raise NotFound("This link is not good any more.") from None
    rows = StatusSubscriber.objects.select_related("page").filter(uid=uid, page__slug=slug)
    found: StatusSubscriber | None = rows.first()
    if found is None:
        raise NotFound("This link is not good any more.")
    return found
