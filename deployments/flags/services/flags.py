"""Flags made, described, archived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Grant, User, Workspace
from controlplane.access.services.saving import invalid, save_checked
from controlplane.base.states import plain
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, Invalid
from controlplane.work.services.referring import refer
from deployments.flags.forms.flags import DEFAULTS, check_values
from deployments.flags.forms.names import check_names, dependents
from deployments.flags.forms.settings import clean
from deployments.flags.models import Flag, FlagChange, FlagState
from deployments.flags.models.flags import settings_off
from deployments.flags.services import gates
from deployments.flags.services.holding import hold_flag
from deployments.flags.services.noting import lock_workspace, note, short_reason

TAKEN = "There is a flag of this name already."
# What may be changed of a flag. Its name, its kind of value and the master switch are not in it.
FIELDS = (
    "description",
    "kind",
    "off_value",
    "on_value",
    "owner",
    "tier",
    "permanent",
    "remove_by",
    "impression_data",
    "item",
)
VALUES = ("value_type", "off_value", "on_value")


@transaction.atomic
def create_flag(
    workspace: Workspace,
    flag_name: str,
    *,
    actor: Actor,
    reason: str = "",
    settings: Mapping[str, dict[str, Any]] | None = None,
    value_type: str = "boolean",
    **fields: Any,
) -> Flag:
    """A new flag, off in every environment unless `settings` says otherwise, by the environment's
    slug. Where changes need consent it begins off."""
    _refuse_unknown(fields)
    _refer(fields)
    lock_workspace(workspace.pk)
    off, on = DEFAULTS.get(value_type, DEFAULTS["boolean"])
    values = {"off_value": off, "on_value": on, **fields}
    now = clock.now()
    flag = Flag(
        workspace=workspace,
        flag_name=flag_name,
        value_type=value_type,
        created_at=now,
        created_by=actor.ref[:80],
        changed_at=now,
        changed_by=actor.ref[:80],
        **values,
    )
    policy.require(actor, "flag.create", flag)
    reason = short_reason(reason, required=False)
    check(flag)
    if Flag.objects.of(workspace).filter(flag_name=flag_name).exists():
        raise Conflict(TAKEN, details={"flag_name": TAKEN})
    save_checked(flag, conflict=TAKEN)
    states = _begin(flag, settings or {})
    note(
        flag,
        FlagChange.Kind.CREATE,
        "flag.create",
        actor=actor,
        after={**content(flag), "settings": {s.environment.slug: s.settings for s in states}},
        reason=reason,
    )
    return flag


def _begin(flag: Flag, settings: Mapping[str, dict[str, Any]]) -> list[FlagState]:
    environments = list(Environment.objects.of(flag.workspace).order_by("pk"))
    unknown = sorted(set(settings) - {each.slug for each in environments})
    if unknown:
        raise invalid(f"settings.{unknown[0]}", "There is no such environment.")
    states = []
    for environment in environments:
        given = settings.get(environment.slug)
        document = settings_off() if given is None else clean(given, value_type=flag.value_type)
        check_names(document, flag, environment.pk)
        _refuse_on(flag, environment, document)
        states.append(
            FlagState(
                workspace_id=flag.workspace_id,
                flag=flag,
                environment=environment,
                settings=document,
                changed_at=flag.changed_at,
                changed_by=flag.changed_by,
            )
        )
    FlagState.objects.bulk_create(states)
    return states


def _refuse_on(flag: Flag, environment: Environment, document: dict[str, Any]) -> None:
    if not document["on"]:
        return
    if gates.needs_consent(environment.pk):
        raise GateNotMet(
            f"Changes in {environment} need consent: let it begin off there.",
            details={"conditions": ["a change request that was consented to"]},
        )
    sentence = gates.frozen(flag, environment.pk)
    if sentence:
        raise GateNotMet(sentence, details={"conditions": [sentence]})


@transaction.atomic
def change_flag(
    flag: Flag,
    *,
    actor: Actor,
    version: int | None = None,
    reason: str = "",
    override: bool = False,
    **changes: Any,
) -> Flag:
    """What describes it, and the values of both sides: those only where no environment that is on
    needs consent, and in a freeze with `override`, for those who may."""
    _refuse_unknown(changes)
    policy.require(actor, "flag.change", flag)
    reason = short_reason(reason, required=False)
    _refer(changes)
    lock_workspace(flag.workspace_id)
    row = hold_flag(flag, version=version)
    before = content(row)
    for name, value in changes.items():
        setattr(row, name, value)
    check(row)
    save_fields(row, "edit", actor=actor, before=before, reason=reason, override=override)
    return row


@transaction.atomic
def archive(flag: Flag, *, actor: Actor, version: int | None = None, reason: str = "") -> Flag:
    """Out of the way, for good as a rule: to SDKs it is not there. Its history stays."""
    policy.require(actor, "flag.change", flag)
    reason = short_reason(reason)
    lock_workspace(flag.workspace_id)
    row = hold_flag(flag, version=version, archived=True)
    if row.is_archived:
        return row
    needed = dependents(row)
    if needed:
        raise Conflict(
            f"Other flags require it: {', '.join(needed[:5])}.", details={"required_by": needed}
        )
    under_way = row.rollouts.open().order_by("pk").first()
    if under_way is not None:
        raise Conflict(
            f"{under_way.ref} rolls it out: end that first.", details={"rollout": under_way.ref}
        )
    before = content(row)
    row.archived_at = clock.now()
    save_fields(row, "archive", actor=actor, before=before, reason=reason)
    return row


@transaction.atomic
def restore(flag: Flag, *, actor: Actor, version: int | None = None, reason: str = "") -> Flag:
    """Back, killed: nobody remembers what it does. Enable it when that is known."""
    policy.require(actor, "flag.change", flag)
    reason = short_reason(reason, required=False)
    lock_workspace(flag.workspace_id)
    row = hold_flag(flag, version=version, archived=True)
    if not row.is_archived:
        return row
    before = content(row)
    row.archived_at, row.stale_since, row.enabled = None, None, False
    save_fields(row, "restore", actor=actor, before=before, reason=reason)
    return row


def save_fields(
    row: Flag,
    kind: str,
    *,
    actor: Actor,
    before: dict[str, Any],
    reason: str,
    undoes: FlagChange | None = None,
    override: bool = False,
) -> FlagChange | None:
    """Write a held flag and note what is different now. None when nothing is. Other values stop
    at the same gates as settings do."""
    after = content(row)
    differing = [name for name in after if before[name] != after[name]]
    if not differing:
        return None
    passed: dict[str, Any] = {}
    if set(differing) & set(VALUES):
        passed = gates.pass_values(row, actor=actor, override=override, reason=reason)
    row.version += 1
    row.changed_at, row.changed_by = clock.now(), actor.ref[:80]
    save_checked(row, conflict=TAKEN)
    return note(
        row,
        kind,
        "flag.change" if kind in ("edit", "undo") else f"flag.change:{kind}",
        actor=actor,
        before={name: before[name] for name in differing},
        after={name: after[name] for name in differing},
        reason=reason,
        undoes=undoes,
        details=passed or None,
    )


def content(flag: Flag) -> dict[str, Any]:
    """What a flag says of itself, as its history keeps it."""
    return {
        "enabled": flag.enabled,
        "archived_at": plain(flag.archived_at),
        "value_type": flag.value_type,
        "description": flag.description,
        "kind": flag.kind,
        "off_value": flag.off_value,
        "on_value": flag.on_value,
        "owner": flag.owner_id,
        "tier": flag.tier,
        "permanent": flag.permanent,
        "remove_by": plain(flag.remove_by),
        "impression_data": flag.impression_data,
        "item": flag.item_id,
    }


def _refer(fields: Mapping[str, Any]) -> None:
    item = fields.get("item")
    if item is not None and not refer(item.pk):
        raise invalid("item", "There is no such work item.")


def _refuse_unknown(fields: Mapping[str, Any]) -> None:
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise Invalid(
            "This cannot be changed.", details=dict.fromkeys(unknown, "Cannot be changed.")
        )


def check(flag: Flag) -> None:
    if flag.value_type not in DEFAULTS:
        raise invalid("value_type", f"Must be one of {', '.join(DEFAULTS)}.")
    check_values(flag.value_type, flag.off_value, flag.on_value)
    if flag.owner is not None and not _is_member(flag.owner, flag.workspace_id):
        raise invalid("owner", "Nobody of this workspace.")
    if flag.item is not None and flag.item.workspace_id != flag.workspace_id:
        raise invalid("item", "The work item belongs to another workspace.")


def _is_member(user: User, workspace_id: int) -> bool:
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    return bool(held.filter(membership__user=user).exists())
