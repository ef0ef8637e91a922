"""Policy templates of a workspace: kept, changed in versions, retired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions import shipped
from missions.models import PolicyTemplate, TemplateVersion
from missions.services import given, reading
from missions.services.noting import PORTAL

_READ: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: reading.kept_line("title", value, 160, required=True),
    "category": given.category,
    "description": lambda value: reading.kept("description", value),
    "severity": given.severity,
    "mode": given.mode,
    "auto_fix": lambda value: given.switch("auto_fix", value),
    "params": lambda value: given.document("params", value, 4_000),
    "is_default": lambda value: given.switch("is_default", value),
}
# Of a version; whether it is suggested by itself is no part of what it says.
SAID = ("title", "category", "description", "severity", "mode", "auto_fix", "params")


def _read(values: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(_READ))
    if unknown:
        raise reading.refuse(unknown[0], "A policy template has no such field.")
    return {name: _READ[name](value) for name, value in values.items()}


def said_by(row: PolicyTemplate) -> dict[str, Any]:
    return {name: getattr(row, name) for name in SAID}


def ensure_shipped(workspace: Workspace) -> None:
    """What is shipped, once, for a workspace that has no template yet. Theirs to change."""
    if PolicyTemplate.objects.of(workspace).exists():
        return
    rows = [
        PolicyTemplate(workspace=workspace, changed_by=PORTAL.ref, **values)
        for values in shipped.TEMPLATES
    ]
    PolicyTemplate.objects.bulk_create(rows, ignore_conflicts=True)
    kept = PolicyTemplate.objects.of(workspace).filter(versions=None)
    versions = [
        TemplateVersion(template=row, number=1, said=said_by(row), by=PORTAL.ref, reason="Shipped")
        for row in kept
    ]
    TemplateVersion.objects.bulk_create(versions, ignore_conflicts=True)


@transaction.atomic
def add_template(
    workspace: Workspace, *, actor: Actor, slug: str, title: str, **values: Any
) -> PolicyTemplate:
    """Something that missions of this workspace shall keep to."""
    policy.require(actor, "mission.templates", workspace)
    read = _read({"title": title, **values})
    ensure_shipped(workspace)
    row = PolicyTemplate(
        workspace=workspace, slug=given.slug("slug", slug), changed_by=actor.ref[:80], **read
    )
    if not row.category:
        raise reading.refuse("category", "Missing.")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "policy_template_once" not in str(error):
            raise
        raise Conflict(f"There is a template {row.slug}.", details={"slug": "Taken."}) from None
    _keep_version(row, actor, "")
    record(
        actor, "mission.templates", row, after=plain({"slug": row.slug, **said_by(row)}),
        details={"transition": "-> added"},
    )  # fmt: skip
    return row


def _keep_version(row: PolicyTemplate, actor: Actor, reason: str) -> None:
    TemplateVersion.objects.create(
        template=row, number=row.number, said=said_by(row), reason=reason, by=actor.ref[:80]
    )


def _hold(template: PolicyTemplate, version: int | None) -> PolicyTemplate:
    rows = PolicyTemplate.objects.select_for_update(no_key=True)
    row: PolicyTemplate = rows.get(pk=template.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )
    return row


@transaction.atomic
def change_template(
    template: PolicyTemplate,
    *,
    actor: Actor,
    reason: str = "",
    version: int | None = None,
    **values: Any,
) -> PolicyTemplate:
    """Its next version. Missions that took it over keep theirs."""
    policy.require(actor, "mission.templates", template)
    read = _read(values)
    why = reading.kept_line("reason", reason, reading.REASON)
    row = _hold(template, version)
    if row.is_retired:
        raise InvalidTransition("It is retired: bring it back first.")
    read = {name: value for name, value in read.items() if getattr(row, name) != value}
    if not read:
        return row
    before = {name: plain(getattr(row, name)) for name in read}
    for name, value in read.items():
        setattr(row, name, value)
    says_more = bool(set(read) & set(SAID))
    row.number += 1 if says_more else 0
    _save(row, actor, *read, "number")
    if says_more:
        _keep_version(row, actor, why)
    record(
        actor, "mission.templates", row, before=before,
        after={name: plain(value) for name, value in read.items()} | {"number": row.number},
        reason=why, details={"transition": "-> changed"},
    )  # fmt: skip
    return row


@transaction.atomic
def retire_template(
    template: PolicyTemplate, *, actor: Actor, on: bool = True, reason: str = ""
) -> PolicyTemplate:
    """No mission is suggested it from here on; or bring it back."""
    policy.require(actor, "mission.templates", template)
    why = reading.kept_line("reason", reason, reading.REASON)
    row = _hold(template, None)
    if row.is_retired == on:
        return row
    row.retired_at = clock.now() if on else None
    _save(row, actor, "retired_at")
    record(
        actor, "mission.templates", row, before={"retired": not on}, after={"retired": on},
        reason=why, details={"transition": f"-> {'retired' if on else 'back'}"},
    )  # fmt: skip
    return row


def _save(row: PolicyTemplate, actor: Actor, *fields: str) -> None:
    row.changed_by, row.changed_at, row.version = actor.ref[:80], clock.now(), row.version + 1
    row.save(update_fields=[*fields, "changed_by", "changed_at", "version"])
