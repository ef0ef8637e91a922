"""What incidents put on the desk, and which pages of the console have a twin here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals.desk.tabs import Tab, tabs
from controlplane.base import twins
from controlplane.lib.actors import Actor
from incidents.desk import pages, updates
from incidents.models import Update


def _overview(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    return reverse("incident_desk:overview") if policy.can(actor, updates.PUBLISH) else ""


def _message(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    key = str(given.get("object_id") or "")
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        return ""
    row = Update.objects.filter(
        pk=int(key), audience=Update.Audience.CUSTOMERS,
        workspace__in=updates.places_of(actor, None),
    ).first()  # fmt: skip
    return reverse("incident_desk:message", args=(row.uid,)) if row is not None else ""


def _page(slug: str, actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    may = policy.can(actor, pages.KINDS[slug].action)
    return reverse("incident_desk:page", args=(slug,)) if may else ""


def register() -> None:
    tabs.register(
        Tab("customers", "Customers", "incident_desk:overview", "send", updates.PUBLISH, 40,
            updates.count_drafts)
    )  # fmt: skip
    # Whoever may publish is told of a draft with the incident's address.
    for route in ("admin:incidents_incident_change", "admin:incidents_update_changelist"):
        twins.register(route, _overview)
    twins.register("admin:incidents_update_change", _message)
    for model, slug in (("statuspage", "status"), ("supportdoor", "support")):
        for view in ("change", "changelist"):
            twins.register(f"admin:incidents_{model}_{view}", partial(_page, slug))
