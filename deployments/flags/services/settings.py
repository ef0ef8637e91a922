"""Changes of a flag's settings in one environment."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags.forms.names import check_names
from deployments.flags.forms.settings import clean
from deployments.flags.models import FlagChange, FlagState
from deployments.flags.services import gates
from deployments.flags.services.holding import hold_state
from deployments.flags.services.noting import note, short_reason


@transaction.atomic
def change_settings(
    state: FlagState,
    settings: dict[str, Any],
    *,
    actor: Actor,
    version: int | None,
    reason: str = "",
    item: str = "",
    override: bool = False,
) -> FlagState:
    """Replace the whole document, if nobody changed it since `version`. With `override`, in spite
    of a freeze, for those who may."""
    policy.require(actor, "flag.change", state.flag)
    reason = short_reason(reason, required=False)
    row = hold_state(state, version=version)
    checked = clean(settings, value_type=row.flag.value_type)
    if checked == row.settings:
        return row
    gates.pass_consent(row, checked)
    passed = gates.pass_freeze(row, checked, actor=actor, override=override, reason=reason)
    put(row, checked, "edit", actor=actor, reason=reason, item=item, details=passed)
    return row


def put(
    row: FlagState,
    settings: dict[str, Any],
    kind: str,
    *,
    actor: Actor,
    reason: str,
    item: str = "",
    undoes: FlagChange | None = None,
    details: dict[str, Any] | None = None,
) -> FlagChange:
    """Write checked settings into a held row, whoever decided that."""
    check_names(settings, row.flag, row.environment_id)
    before, row.settings = row.settings, settings
    row.version += 1
    row.changed_at, row.changed_by = clock.now(), actor.ref[:80]
    row.save(update_fields=["settings", "version", "changed_at", "changed_by"])
    return note(
        row.flag,
        kind,
        "flag.change",
        actor=actor,
        state=row,
        before=before,
        after=settings,
        reason=reason,
        item=item,
        undoes=undoes,
        details=details,
    )
