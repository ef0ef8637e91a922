"""Undo: a new change that puts back what an old one changed, and nothing else.

What was changed since in other places stays. What was changed again in the same place is not
undone blindly, even if it reads the same by now: somebody decided that anew.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.work.services.referring import refer
from deployments.flags.diffs import differences
from deployments.flags.forms.settings import clean
from deployments.flags.models import Flag, FlagChange, FlagState
from deployments.flags.services import gates
from deployments.flags.services.flags import FIELDS, check, content, save_fields
from deployments.flags.services.holding import hold_flag, hold_state
from deployments.flags.services.noting import lock_workspace, short_reason
from deployments.flags.services.settings import put
from deployments.flags.services.switching import switch


@transaction.atomic
def undo(
    change: FlagChange, *, actor: Actor, reason: str = "", override: bool = False
) -> FlagChange:
    """The change that undid it. Undoing what is undone already is refused."""
    reason = short_reason(reason, required=False)
    if change.kind == FlagChange.Kind.CREATE:
        raise Invalid("A flag's making is not undone. Archive the flag.")
    if change.before is None or change.after is None:
        raise Invalid("There is nothing to put back.")
    if change.environment_id is not None:
        return _undo_settings(change, actor, reason, override)
    if set(change.after) == {"enabled"}:
        return _undo_switch(change, actor, reason, override)
    return _undo_fields(change, actor, reason, override)


def _undo_settings(change: FlagChange, actor: Actor, reason: str, override: bool) -> FlagChange:
    policy.require(actor, "flag.change", change.flag)
    state = FlagState.objects.select_related("flag").get(
        flag_id=change.flag_id, environment_id=change.environment_id
    )
    row = hold_state(state)
    wanted = put_back(row.settings, *sides(change))
    _refuse_newer(change)
    checked = clean(wanted, value_type=row.flag.value_type)
    gates.pass_consent(row, checked)
    passed = gates.pass_freeze(row, checked, actor=actor, override=override, reason=reason)
    return put(
        row, checked, "undo", actor=actor, reason=reason, undoes=change, details=passed or None
    )


def sides(change: FlagChange) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] | None = change.before
    after: dict[str, Any] | None = change.after
    return before or {}, after or {}


def parts_of(change: FlagChange) -> set[str]:
    before, after = sides(change)
    return {name for name in {**before, **after} if before.get(name) != after.get(name)}


def _refuse_newer(change: FlagChange) -> None:
    """Call it with the rows held. Values alone don't tell: off, on and off again ends as it began,
    and the second off is another decision than the first."""
    later = FlagChange.objects.filter(
        flag=change.flag, environment=change.environment, id__gt=change.pk
    )
    touched = parts_of(change)
    for each in later.order_by("-id").iterator(chunk_size=200):
        again = sorted(touched & parts_of(each))
        if again:
            raise Conflict(
                f"It was changed again since: {', '.join(again)}. Undo the newest change of it.",
                details={
                    "changed_by": each.actor_ref,
                    "changed_at": each.at.isoformat(),
                    "differences": differences(*sides(each))[:50],
                },
            )


def put_back(now: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """`now` with the parts that went from `before` to `after` as they were before."""
    return rebased(now, after, before)


def rebased(now: dict[str, Any], base: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """`now` with what differs between `base` and `wanted`. What differs between `base` and `now`
    too, in the same part, is somebody else's work: refused with the difference."""
    parts = [name for name in {**base, **wanted} if base.get(name) != wanted.get(name)]
    moved = [name for name in parts if now.get(name) != base.get(name)]
    if moved:
        raise Conflict(
            f"It was changed again since: {', '.join(sorted(moved))}.",
            details={
                "differences": differences(
                    {name: base.get(name) for name in moved},
                    {name: now.get(name) for name in moved},
                )
            },
        )
    return {**now, **{name: wanted[name] for name in parts if name in wanted}}


def _undo_switch(change: FlagChange, actor: Actor, reason: str, override: bool) -> FlagChange:
    enabled = bool(sides(change)[0]["enabled"])
    policy.require(actor, "flag.enable" if enabled else "flag.kill", change.flag)
    if enabled:
        lock_workspace(change.workspace_id)
    flag = hold_flag(change.flag)
    if flag.enabled == enabled:
        raise Conflict("It stands as it did before that change already.")
    _refuse_newer(change)
    row = switch(
        flag, enabled=enabled, actor=actor, reason=reason, undoes=change, override=override
    )
    return _newest(row)


def _undo_fields(change: FlagChange, actor: Actor, reason: str, override: bool) -> FlagChange:
    policy.require(actor, "flag.change", change.flag)
    earlier, later = sides(change)
    strange = sorted(set(later) - set(FIELDS))
    if strange:
        raise Invalid(f"This is not undone by itself: {', '.join(strange)}.")
    if earlier.get("item") is not None and not refer(earlier["item"]):
        raise Conflict("The work item it belonged to is gone.")
    lock_workspace(change.workspace_id)
    flag = hold_flag(change.flag)
    before = content(flag)
    wanted = put_back(before, earlier, later)
    _refuse_newer(change)
    for name in earlier:
        _set(flag, name, wanted[name])
    check(flag)
    made = save_fields(
        flag, "undo", actor=actor, before=before, reason=reason, undoes=change, override=override
    )
    if made is None:
        raise Conflict("It stands as it did before that change already.")
    return made


def _set(flag: Flag, name: str, value: Any) -> None:
    if name in ("owner", "item"):
        name = f"{name}_id"
    elif name == "remove_by" and value is not None:
        value = date.fromisoformat(value)
    setattr(flag, name, value)


def _newest(flag: Flag) -> FlagChange:
    found: FlagChange = FlagChange.objects.filter(flag=flag).order_by("-id")[0]
    return found
