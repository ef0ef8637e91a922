"""Segments: conditions that many rules share.

A segment that a rule uses where changes need consent is not changed behind that consent's back:
make another one, and ask for the rule to use it. That goes for rules that are only asked for too,
and for those of archived flags, which come back as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.base.signals import emit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from deployments.flags import telling
from deployments.flags.diffs import differences
from deployments.flags.forms.constraints import constraints as read_constraints
from deployments.flags.forms.problems import Problems, refuse_large
from deployments.flags.models import ChangeRequest, FlagState, Segment
from deployments.flags.services import gates
from deployments.flags.services.noting import SIGNAL, lock_workspace, short_reason

TAKEN = "There is a segment of this slug already."


class Use(NamedTuple):
    flag: str
    environment: str
    state: FlagState


def uses_of(segment: Segment, *, archived: bool = False) -> list[Use]:
    """Where living flags name it, by name; with `archived`, where those name it instead."""
    rows = FlagState.objects.filter(
        workspace_id=segment.workspace_id,
        flag__archived_at__isnull=not archived,
        settings__rules__contains=[{"segments": [segment.slug]}],
    ).select_related("flag", "environment")
    found = [Use(row.flag.flag_name, row.environment.slug, row) for row in rows]
    return sorted(found, key=lambda use: (use.flag, use.state.environment.order))


def asked_with(segment: Segment) -> list[ChangeRequest]:
    """Requests that may still be applied and name it."""
    rows = ChangeRequest.objects.open().filter(
        workspace_id=segment.workspace_id,
        settings__rules__contains=[{"segments": [segment.slug]}],
    )
    return list(rows.select_related("flag", "environment").order_by("id"))


@transaction.atomic
def create_segment(
    workspace: Workspace,
    slug: str,
    *,
    actor: Actor,
    name: str = "",
    description: str = "",
    constraints: Sequence[Any] = (),
) -> Segment:
    policy.require(actor, "flag.change", workspace)
    lock_workspace(workspace.pk)
    segment = Segment(
        workspace=workspace,
        slug=slug,
        name=name or slug,
        description=description,
        constraints=read(constraints),
        changed_by=actor.ref[:80],
    )
    if Segment.objects.of(workspace).filter(slug=slug).exists():
        raise Conflict(TAKEN, details={"slug": TAKEN})
    _refuse_behind_consent(segment)  # a rule may name one of this slug that was removed
    save_checked(segment, conflict=TAKEN)
    record(actor, "flag.segment:add", segment, after=content(segment))
    return segment


@transaction.atomic
def change_segment(
    segment: Segment,
    *,
    actor: Actor,
    version: int | None,
    reason: str = "",
    override: bool = False,
    **changes: Any,
) -> Segment:
    """Change its conditions or its words. The slug names it for good: rules use it."""
    policy.require(actor, "flag.change", segment)
    reason = short_reason(reason, required=False)
    lock_workspace(segment.workspace_id)
    row = _held(segment, version)
    before = content(row)
    if "constraints" in changes:
        row.constraints = read(changes["constraints"])
    row.name = changes.get("name", row.name)
    row.description = changes.get("description", row.description)
    if content(row) == before:
        return row
    details = {}
    if row.constraints != before["constraints"]:
        details = _pass(row, actor, override, reason)
    row.version += 1
    row.changed_at, row.changed_by = clock.now(), actor.ref[:80]
    save_checked(row, conflict=TAKEN)
    record(
        actor,
        "flag.segment",
        row,
        before=before,
        after=content(row),
        reason=reason,
        details=details or None,
    )
    emit(
        SIGNAL,
        key=f"segment:{row.uid}:{row.version}",
        payload={"segment": row.slug, "kind": "segment"},
        workspace_id=row.workspace_id,
    )
    telling.segment_changed(row, actor, before, content(row), reason)
    return row


@transaction.atomic
def remove_segment(
    segment: Segment, *, actor: Actor, version: int | None = None, reason: str = ""
) -> None:
    """Away with it, where no rule names it and none that is asked for."""
    policy.require(actor, "flag.change", segment)
    reason = short_reason(reason, required=False)
    lock_workspace(segment.workspace_id)
    row = _held(segment, version)
    used = uses_of(row)
    if used:
        where = ", ".join(f"{use.flag} in {use.environment}" for use in used[:5])
        raise Conflict(
            f"Rules use it: {where}.",
            details={"used_by": [{"flag": u.flag, "environment": u.environment} for u in used]},
        )
    asked = asked_with(row)
    if asked:
        where = ", ".join(f"{each.flag} in {each.environment.slug}" for each in asked[:5])
        raise Conflict(
            f"Change requests name it: {where}. Withdraw them first.",
            details={"asked_by": [str(each.uid) for each in asked]},
        )
    record(actor, "flag.segment:remove", row, before=content(row), reason=reason)
    row.delete()


def read(given: Any) -> list[dict[str, Any]]:
    problems = Problems()
    refuse_large(given, "constraints", problems)
    problems.done()
    found = read_constraints(given, "constraints", problems)
    if not found:
        problems.add("constraints", "Give at least one: a segment without any is everybody.")
    problems.done()
    return found


def content(segment: Segment) -> dict[str, Any]:
    return {
        "slug": segment.slug,
        "name": segment.name,
        "description": segment.description,
        "constraints": segment.constraints,
    }


def _held(segment: Segment, version: int | None) -> Segment:
    row: Segment = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={
                "version": row.version,
                "seen_version": version,
                "changed_by": row.changed_by,
                "changed_at": row.changed_at.isoformat(),
                "now": content(row),
                "differences": differences(content(segment), content(row)),
            },
        )
    return row


def _pass(segment: Segment, actor: Actor, override: bool, reason: str) -> dict[str, Any]:
    _refuse_behind_consent(segment)
    frozen = (gates.frozen(use.state.flag, use.state.environment_id) for use in uses_of(segment))
    sentence = next((each for each in frozen if each), None)
    if sentence is None:
        return {}
    return gates.pass_over(segment, sentence, actor=actor, override=override, reason=reason)


def _refuse_behind_consent(segment: Segment) -> None:
    """What was consented to, or is asked for, must not come to mean something else."""
    places: list[tuple[str, FlagState | ChangeRequest]] = [
        *((f"{use.flag} uses it", use.state) for use in uses_of(segment)),
        *((f"{each.flag} is asked to use it", each) for each in asked_with(segment)),
        *((f"{use.flag}, archived, uses it", use.state) for use in uses_of(segment, archived=True)),
    ]
    for said, place in places:
        if gates.needs_consent(place.environment_id):
            where = place.environment.slug
            raise GateNotMet(
                f"{said} in {where}, where changes need consent."
                " Make another segment and ask for a rule with it.",
                details={"conditions": [f"{place.flag.flag_name} in {where} needs consent"]},
            )
