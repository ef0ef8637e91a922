"""What all changes of descriptive fields share: lock, version, validation, audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import as_invalid, save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid

M = TypeVar("M", bound=models.Model)


def add(obj: M, *, actor: Actor, conflict: str, action: str = "catalog.manage") -> M:
    """Save a new row of its workspace. Runs in the caller's transaction."""
    policy.require(actor, action, obj)
    _sound(obj)
    save_checked(obj, conflict=conflict)
    record(actor, action, obj, after=shown(obj))
    return obj


def change(
    obj: M,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    version: int | None,
    allowed: Iterable[str],
    action: str = "catalog.manage",
) -> M:
    """Change what is given. With a version, only if nobody changed the row since."""
    unknown = sorted(set(changes) - set(allowed))
    if unknown:
        raise Invalid(
            "This cannot be changed.", details=dict.fromkeys(unknown, "Cannot be changed.")
        )
    policy.require(actor, action, obj)
    row: Any = type(obj)._base_manager.select_for_update().get(pk=obj.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    # By value: 99.9 and 99.900 are one number, and no change.
    changes = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changes:
        return row  # type: ignore[no-any-return]
    before = {name: plain(getattr(row, name)) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    after = {name: plain(getattr(row, name)) for name in changes}
    _sound(row)
    row.version += 1
    save_checked(row, conflict="There is one of this name already.")
    record(actor, action, row, before=before, after=after)
    return row  # type: ignore[no-any-return]


def switch(
    obj: M, *, actor: Actor, active: bool, reason: str = "", action: str = "catalog.manage"
) -> M:
    """Switch a row on or off. It stays for the record."""
    policy.require(actor, action, obj)
    rows = type(obj)._base_manager.filter(pk=obj.pk, is_active=not active)
    if rows.update(is_active=active, version=models.F("version") + 1):
        before, after = {"is_active": not active}, {"is_active": active}
        record(actor, action, obj, before=before, after=after, reason=reason)
    obj.refresh_from_db()
    return obj


def _sound(obj: Any) -> None:
    """What the database would refuse is refused here by a sentence beside the field."""
    try:
        obj.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise as_invalid(error) from error
    same_workspace(obj)
    role = getattr(obj, "owner_role", "")
    if role and role not in policy.PEOPLE:
        raise Invalid("There is no such role.", details={"owner_role": "No such role of people."})
    for constraint in obj._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            try:
                constraint.validate(type(obj), obj)
            except ValidationError as error:
                raise as_invalid(error) from error


def same_workspace(obj: Any) -> None:
    """What a row points at stands in its own workspace. A form offers only visible rows, but
    somebody of two workspaces sees those of both."""
    for field in obj._meta.concrete_fields:
        target = field.is_relation and field.related_model is not Workspace
        related = getattr(obj, field.name) if target else None
        if related is not None and related.workspace_id != obj.workspace_id:
            raise Invalid(
                "It belongs to another workspace.", details={field.name: "Of another workspace."}
            )


def shown(obj: models.Model) -> dict[str, Any]:
    """The descriptive fields, as the audit log keeps them."""
    return {
        field.name: plain(getattr(obj, field.attname))
        for field in obj._meta.concrete_fields
        if field.editable and not field.primary_key and field.name != "workspace"
    }
