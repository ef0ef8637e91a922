"""Segments: conditions that many rules share.

A segment that a rule uses where changes need consent is not changed behind that consent's back:
make another one, and ask for the rule to use it.
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
from deployments.flags.models import FlagState, Segment
from deployments.flags.services import gates
from deployments.flags.services.noting import SIGNAL, lock_workspace, short_reason

TAKEN = "There is a segment of this slug already."


class Use(NamedTuple):
    flag: str
    environment: str
    state: FlagState


def uses_of(segment: Segment) -> list[Use]:
    """Where living flags name it, by name."""
    rows = FlagState.objects.filter(
        workspace_id=segment.workspace_id,
        flag__archived_at=None,
        settings__rules__contains=[{"segments": [segment.slug]}],
    ).select_related("flag", "environment")
    found = [Use(row.flag.flag_name, row.environment.slug, row) for row in rows]
    return sorted(found, key=lambda use: (use.flag, use.state.environment.order))


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
    """Away with it, where no rule names it."""
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
    passed = []
    for use in uses_of(segment):
        if gates.needs_consent(use.state.environment_id):
            raise GateNotMet(
                f"{use.flag} uses it in {use.environment}, where changes need consent."
                " Make another segment and ask for a rule with it.",
                details={"conditions": [f"{use.flag} in {use.environment} needs consent"]},
            )
        sentence = gates.frozen(use.state.flag, use.state.environment_id)
        if sentence and not override:
            raise GateNotMet(sentence, details={"conditions": [sentence]})
        if sentence:
            passed.append(sentence)
    if passed:
        policy.require(actor, "flag.override", segment)
        return {"overrode": passed[0], "why": reason}
    return {}
