"""Links to rows of the console that a page knows only as an object or an audit ref."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.db.models import Value
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.text import capfirst

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
    rows, key = _rows_of(ref, actor)
    found: models.Model | None = None if rows is None else rows.filter(pk=key).first()
    return found


def names_by_ref(refs: Iterable[str], actor: Actor) -> dict[str, str]:
    """What people call the rows that these refs name ("INC-7 Exports stand still").

    Tables that keep a ref and a title are asked all at once, whatever many there are; of the
    others only the one spoken of most, for a list can bear no more: rows of the rest are told by
    their kind alone. What the actor may not see has no name here.
    """
    keys: dict[str, dict[int, str]] = defaultdict(dict)
    rows: dict[str, Any] = {}
    for ref in sorted(set(refs)):
        found, key = _rows_of(ref, actor)
        if found is not None:
            label = ref.rpartition(":")[0]
            rows.setdefault(label, found)
            keys[label][key] = ref
    named = {label: found.filter(pk__in=keys[label]) for label, found in rows.items()}
    names = _titles({label: found for label, found in named.items() if _titled(found.model)})
    rest = [label for label in named if not _titled(named[label].model)]
    for place, label in enumerate(sorted(rest, key=lambda label: -len(keys[label]))):
        if place:
            kind = str(capfirst(named[label].model._meta.verbose_name))
            names.update(dict.fromkeys(keys[label].values(), kind))
        else:
            names.update({keys[label][row.pk]: _called(row) for row in named[label]})
    return names


def _titled(model: type[models.Model]) -> str:
    """The column that says what a row with a ref is about; "" where a table keeps no such two."""
    columns = {field.name for field in model._meta.concrete_fields}
    return next((name for name in ("title", "name") if {"ref", name} <= columns), "")


def _titles(tables: Mapping[str, Any]) -> dict[str, str]:
    asked = [
        found.order_by().values_list(
            Value(label, output_field=models.TextField()),
            "pk",
            Cast("ref", models.TextField()),
            Cast(_titled(found.model), models.TextField()),
        )
        for label, found in tables.items()
    ]
    if not asked:
        return {}
    first, *more = asked
    return {
        f"{label}:{pk}": f"{ref} {title}".strip() for label, pk, ref, title in first.union(*more)
    }


def _rows_of(ref: str, actor: Actor) -> tuple[Any, int]:
    label, _, key = ref.rpartition(":")
    if label.count(".") != 1 or not (key.isascii() and key.isdigit() and len(key) <= 18):
        return None, 0
    try:
        model = apps.get_model(label)
    except LookupError:
        return None, 0
    visible_to = getattr(model._default_manager.all(), "visible_to", None)
    if visible_to is None or model not in admin.site._registry:
        return None, 0
    return visible_to(actor), int(key)


def _called(row: models.Model) -> str:
    ref = str(getattr(row, "ref", ""))
    title = str(getattr(row, "title", "") or getattr(row, "name", ""))
    return f"{ref} {title}".strip() or str(row)


def ref_url(ref: str, actor: Actor) -> str:
    return url_of(by_ref(ref, actor), actor)


def event_url(event: AuditEvent) -> str:
    return reverse("admin:audit_auditevent_change", args=(event.uid,))


def request_url(request_id: str) -> str:
    """Everything that one request did."""
    return list_url(AuditEvent, f"request={request_id}") if request_id else ""
