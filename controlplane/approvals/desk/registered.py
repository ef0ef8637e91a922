"""What approvals put on the desk themselves, and which pages of the console have a twin here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from controlplane.approvals.desk.inbox import count_waiting
from controlplane.approvals.desk.tabs import Tab, tabs
from controlplane.approvals.links import DESK
from controlplane.approvals.models import Decision, Request
from controlplane.base import twins
from controlplane.base.registries import PaletteAction, palette_actions
from controlplane.lib.actors import Actor

VIEW = "approval.view"


def _packet(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    """The admin names rows by key or by uid, the pages beside it by uid."""
    name = str(given.get("uid") or given.get("object_id") or given.get("0") or "")
    rows = Request.objects.visible_to(actor)
    try:
        found = rows.filter(uid=uuid.UUID(name)).first()
    except ValueError:
        key = name if name.isascii() and name.isdigit() and len(name) < 18 else "0"
        found = rows.filter(pk=int(key)).first()
    return DESK.url("packet", found) if found is not None else ""


def _signature(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    key = str(given.get("object_id") or "")
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        return ""
    found = Decision.objects.visible_to(actor).filter(pk=int(key)).select_related("request")
    row = found.first()
    return DESK.url("packet", row.request) if row is not None else ""


def _by_ref(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    """A ref in a text, which leads to the palette's page."""
    kind, _, number = query.get("q", "").strip().upper().partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return ""
    find = BY_REF.get(kind)
    return find(actor, int(number)) if find is not None else ""


def _numbered(actor: Actor, number: int) -> str:
    found = Request.objects.visible_to(actor).filter(number=number).order_by("-pk").first()
    return DESK.url("packet", found) if found is not None else ""


# Prefix of a ref -> its page here. Apps above add theirs.
BY_REF: dict[str, Any] = {"APR": _numbered}


def _home(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    return reverse(twins.HOME)


def register() -> None:
    tabs.register(Tab("inbox", "To sign", "desk:inbox", "edit", VIEW, 10, count_waiting))
    tabs.register(Tab("signed", "Signed", "desk:signed", "check", VIEW, 80))
    palette_actions.register(
        PaletteAction("desk", "To sign", "desk:inbox", VIEW, ("review desk", "phone", "inbox"))
    )
    for route in ("admin:approvals_request_change", "approvals:decide"):
        twins.register(route, _packet)
    twins.register("admin:approvals_decision_change", _signature)
    twins.register("console:go", _by_ref)
    for route in ("admin:index", "console:home", "console:inbox",
                  "admin:approvals_request_changelist"):  # fmt: skip
        twins.register(route, _home)
    twins.register(
        "approvals:delegate",
        lambda actor, given, query: reverse("desk:delegate", args=(given["uid"],)),
    )
    twins.register(
        "admin:approvals_decision_changelist", lambda actor, given, query: reverse("desk:signed")
    )
    twins.register(
        "admin:approvals_delegation_changelist", lambda actor, given, query: reverse("desk:away")
    )
