"""Links to rows of the console that a page knows only as an object or an audit ref."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.urls import reverse

from controlplane.access import policy
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor


def list_url(model: type[models.Model], query: str = "") -> str:
    """A list asked something; "view=all" when it is asked nothing."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query or 'view=all'}"


def url_of(obj: models.Model | None, actor: Actor) -> str:
    """The page of a row, if it has one that this actor may see; else ""."""
    model_admin: Any = None if obj is None else admin.site._registry.get(type(obj))
    if obj is None or model_admin is None:
        return ""
    if not policy.can(actor, model_admin.view_action, obj):
        return ""
    return str(model_admin.object_url(obj))


def by_ref(ref: str, actor: Actor) -> models.Model | None:
    """The row an audit ref such as "catalog.probe:12" names, within what the actor may see.

    Refs of actors ("agent:7") and of things long deleted name no row.
    """
    label, _, key = ref.rpartition(":")
    if label.count(".") != 1 or not (key.isascii() and key.isdigit() and len(key) <= 18):
        return None
    try:
        model = apps.get_model(label)
    except LookupError:
        return None
    rows = model._default_manager.all()
    visible_to = getattr(rows, "visible_to", None)
    if visible_to is None or model not in admin.site._registry:
        return None
    found: models.Model | None = visible_to(actor).filter(pk=int(key)).first()
    return found


def ref_url(ref: str, actor: Actor) -> str:
    return url_of(by_ref(ref, actor), actor)


def event_url(event: AuditEvent) -> str:
    return reverse("admin:audit_auditevent_change", args=(event.uid,))


def request_url(request_id: str) -> str:
    """Everything that one request did."""
    return list_url(AuditEvent, f"request={request_id}") if request_id else ""
