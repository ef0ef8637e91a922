"""The register of secrets: noted, changed, rotated, retired; and whoever owns one is reminded.

The portal sees no vault. Whoever rotates a secret says so here, or their vault does by its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.catalog.models import VaultSecret
from controlplane.catalog.models.vault import SOON, usual_days
from controlplane.catalog.services.changing import add, change, switch
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.redaction import redact_text
from controlplane.notify import wording
from controlplane.notify.services.news import To, notify

MANAGE, ROTATE = "vault.manage", "vault.rotate"
FIELDS = ("name", "purpose", "kept_in", "owner_role", "rotate_days")
SECURITY = "security_lead"  # hears of what is late, beside its owner

wording.register(
    "catalog.secret_soon",
    "A secret is to be changed soon",
    subject="{secret} is to be changed by {due}",
    body="{secret} ({purpose}) was changed {changed}. It lies in {place}. Say so here once it is"
    " changed.",
)
wording.register(
    "catalog.secret_due",
    "A secret is older than it may be",
    subject="{secret} is due to be changed",
    body="{secret} ({purpose}) was to be changed by {due}; it was changed {changed}. It lies in"
    " {place}. Say so here once it is changed.",
)


@transaction.atomic
def note_secret(
    workspace: Workspace, *, actor: Actor, rotated_on: date | None = None, **fields: Any
) -> VaultSecret:
    """What nobody dates is due at once: an age that nobody knows is no young age."""
    _no_value(fields)
    row = VaultSecret(workspace=workspace, rotated_on=rotated_on, **fields)
    _not_to_come(rotated_on)
    row.due_on = _due(rotated_on, row.rotate_days)
    return add(row, actor=actor, conflict=f"{row.name} is noted already.", action=MANAGE)


@transaction.atomic
def change_secret(
    secret: VaultSecret, *, actor: Actor, version: int | None = None, **changes: Any
) -> VaultSecret:
    _no_value(changes)
    row: VaultSecret = change(
        secret, changes, actor=actor, version=version, allowed=FIELDS, action=MANAGE
    )
    due = _due(row.rotated_on, row.rotate_days)
    if row.rotated_on is not None and due != row.due_on:
        row.due_on = due
        row.save(update_fields=["due_on"])
    return row


@transaction.atomic
def rotate_secret(
    secret: VaultSecret, *, actor: Actor, on: date | None = None, note: str = ""
) -> VaultSecret:
    """It was changed in its vault, today or on that day."""
    policy.require(actor, ROTATE, secret)
    row: VaultSecret = VaultSecret.objects.select_for_update().get(pk=secret.pk)
    if not row.is_active:
        raise Conflict(f"{row.name} is retired.")
    on = on or clock.now().date()
    _not_to_come(on)
    if row.rotated_on is not None and on < row.rotated_on:
        raise Invalid("It was changed later than that.", details={"on": "Before the last change."})
    _no_value({"note": note})
    before = {"rotated_on": row.rotated_on, "due_on": row.due_on}
    row.rotated_on, row.due_on = on, _due(on, row.rotate_days)
    row.version += 1
    row.save(update_fields=["rotated_on", "due_on", "version"])
    after = {"rotated_on": row.rotated_on, "due_on": row.due_on}
    record(actor, ROTATE, row, before=_plain(before), after=_plain(after), reason=note)
    return row


@transaction.atomic
def switch_secret(
    secret: VaultSecret, *, actor: Actor, active: bool, reason: str = ""
) -> VaultSecret:
    return switch(secret, actor=actor, active=active, reason=reason, action=MANAGE)


def remind() -> dict[str, int]:
    """Each owner once before a secret is due and once when it is; the security lead then too."""
    today = clock.now().date()
    rows = VaultSecret.objects.due(within=SOON.value).filter(workspace__archived_at=None)
    counts = {"soon": 0, "due": 0}
    for row in rows.order_by("pk"):
        late = row.due_on <= today
        _tell(row, late=late)
        counts["due" if late else "soon"] += 1
    return counts


def _tell(row: VaultSecret, *, late: bool) -> None:
    kind = "catalog.secret_due" if late else "catalog.secret_soon"
    roles = [row.owner_role, SECURITY] if late and row.owner_role != SECURITY else [row.owner_role]
    notify(
        workspace_id=row.workspace_id,
        kind=kind,
        to=To(roles=roles, channels=None),
        key=f"{kind}:{row.uid}:{row.due_on}",
        values={
            "secret": row.name,
            "purpose": row.purpose,
            "place": row.kept_in,
            "due": str(row.due_on),
            "changed": "on an unknown day" if row.rotated_on is None else f"on {row.rotated_on}",
        },
        link=f"/admin/catalog/vaultsecret/{row.uid}/change/",
        about=f"catalog.vaultsecret:{row.pk}",
    )


def _due(rotated_on: date | None, days: int | None) -> date:
    if rotated_on is None:
        return clock.now().date()
    return rotated_on + timedelta(days=days or usual_days())


def _not_to_come(on: date | None) -> None:
    # A day more: somebody east of here is in tomorrow already.
    if on is not None and on > clock.now().date() + timedelta(days=1):
        raise Invalid("That day is still to come.", details={"on": "Still to come."})


def _no_value(given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, str) and redact_text(value) != value:
            raise Invalid(
                "This looks like a secret itself. Say where it lies, never what it is.",
                details={name: "Looks like a secret."},
            )


def _plain(values: Mapping[str, date | None]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in values.items()}
