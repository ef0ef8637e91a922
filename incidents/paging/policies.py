"""Policies of escalation and their versions. A version never changes: a run keeps the one it began
with, and a change is another version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from controlplane.oncall.models.rotas import slug_form
from incidents import shipping
from incidents.models import EscalationPolicy, PolicyVersion
from incidents.paging import numbers, shipped, targets

ACTION = "paging.policy"
PORTAL = actors.job("paging")
_SAID = ("title", "about")


# --- Those that come with a release --------------------------------------------------------------


def adopt() -> int:
    """Make the shipped policies that are missing; those nobody changed follow the release."""
    known = {
        row.slug: row
        for row in EscalationPolicy.objects.filter(workspace=None).select_related("current")
    }
    changed = 0
    for values in shipped.SHIPPED:
        row = known.get(values["slug"])
        if row is None or row.shipped_mark != shipping.mark_of(values):
            changed += _ship(values)
    return changed


@transaction.atomic
def _ship(values: Mapping[str, Any]) -> int:
    rows = EscalationPolicy.objects.select_for_update(of=("self",), no_key=True).select_related(
        "current"
    )
    row = rows.filter(workspace=None, slug=values["slug"]).first()
    mark = shipping.mark_of(values)
    if row is None:
        made = EscalationPolicy(
            slug=values["slug"], title=values["title"], about=values["about"], shipped_mark=mark
        )
        EscalationPolicy.objects.bulk_create([made], ignore_conflicts=True)
        row = rows.get(workspace=None, slug=values["slug"])
        if row.current_id is not None:  # another process was first
            return 0
    elif shipping.mark_of(content(row)) != row.shipped_mark:
        return 0
    _next_version(row, values, PORTAL, "It came with the release.")
    said = {name: values[name] for name in _SAID}
    EscalationPolicy.objects.filter(pk=row.pk).update(
        **said, shipped_mark=mark, version=row.version + 1
    )
    return 1


def content(row: EscalationPolicy) -> dict[str, Any]:
    now = row.current
    return {
        "slug": row.slug, "title": row.title, "about": row.about,
        "steps": now.steps if now else [], "repeats": now.repeats if now else 0,
        "catch_all": now.catch_all if now else [],
    }  # fmt: skip


def _next_version(
    row: EscalationPolicy, values: Mapping[str, Any], actor: Actor, reason: str
) -> PolicyVersion:
    last = PolicyVersion.objects.filter(policy=row).order_by("-number").first()
    made = PolicyVersion.objects.create(
        policy=row,
        number=last.number + 1 if last else 1,
        steps=values["steps"],
        repeats=values["repeats"],
        catch_all=values["catch_all"],
        made_by_ref=actor.ref[:80],
        reason=reason,
    )
    EscalationPolicy.objects.filter(pk=row.pk).update(current=made)
    row.current = made
    return made


# --- Read ---------------------------------------------------------------------------------------


def in_force(workspace_id: int) -> dict[str, EscalationPolicy]:
    """What holds in a workspace, by slug. What was never shipped yet is."""
    found = _read(workspace_id)
    if shipped.LAST not in found and adopt():
        found = _read(workspace_id)
    return found


def _read(workspace_id: int) -> dict[str, EscalationPolicy]:
    rows = EscalationPolicy.objects.in_force(workspace_id).filter(
        is_active=True, current__isnull=False
    )
    return {row.slug: row for row in rows.select_related("current")}


def find(workspace_id: int, slug: str) -> tuple[PolicyVersion, str]:
    """The version to call by, and what is to be said about the choice. Something is always found:
    a rule that names a policy that is gone must not keep anybody from being called."""
    known = in_force(workspace_id)
    if slug in known:
        return _version(known[slug]), ""
    said = f"There is no policy {slug}." if slug else "No policy is named."
    return _version(known[shipped.LAST] if shipped.LAST in known else _last()), said


def _last() -> EscalationPolicy:
    """The shipped one, even where a workspace has put its own away."""
    rows = EscalationPolicy.objects.select_related("current")
    found: EscalationPolicy = rows.get(workspace=None, slug=shipped.LAST)
    return found


def _version(row: EscalationPolicy) -> PolicyVersion:
    if row.current is None:
        raise RuntimeError(f"policy {row.slug} has no version")
    row.current.policy = row
    return row.current


# --- Changed --------------------------------------------------------------------------------------


@transaction.atomic
def save_policy(
    workspace: Workspace,
    slug: str,
    *,
    actor: Actor,
    title: str,
    steps: Any,
    repeats: Any = 3,
    catch_all: Any = None,
    about: str = "",
    reason: str = "",
    version: int | None = None,
) -> EscalationPolicy:
    """A workspace's own policy, or the next version of it. Under a shipped one's slug it takes
    that one's place there. Calls under way go on as they began."""
    policy.require(actor, ACTION, workspace)
    values = {
        "slug": _slug(slug),
        "title": line("title", title, 120, required=True),
        "about": line("about", about, 400),
        **read(steps, repeats, catch_all, workspace.pk),
    }
    reason = text("reason", reason, 500)
    rows = EscalationPolicy.objects.select_for_update(of=("self",), no_key=True).select_related(
        "current"
    )
    row = rows.filter(workspace=workspace, slug=values["slug"]).first()
    if row is None:
        row, before = _create(workspace, values), {}
    else:
        if version is not None and row.version != version:
            raise Conflict("Somebody changed it since you looked. Look again.")
        before = _told(content(row))
        _change(row, values)
    if before.get("ladder") != _told(values)["ladder"] or not row.current_id:
        _next_version(row, values, actor, reason)
    record(actor, ACTION, row, before=before or None, after=_told(values), reason=reason)
    return row


def _slug(given: Any) -> str:
    slug = line("slug", given, 50, required=True).lower()
    try:
        slug_form(slug)
    except ValidationError:
        raise refuse("slug", "Use a-z, 0-9 and dashes.") from None
    return slug


def _create(workspace: Workspace, values: Mapping[str, Any]) -> EscalationPolicy:
    row = EscalationPolicy(workspace=workspace, slug=values["slug"])
    row.title, row.about = values["title"], values["about"]
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("Somebody made a policy of this name just now.") from error
    return row


def _change(row: EscalationPolicy, values: Mapping[str, Any]) -> None:
    row.title, row.about, row.is_active = values["title"], values["about"], True
    row.version += 1
    EscalationPolicy.objects.filter(pk=row.pk).update(
        title=row.title, about=row.about, is_active=True, version=row.version
    )


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the log keeps it: the ladder as one text, that two of them can be compared."""
    said = [values["steps"], values["repeats"], values["catch_all"]]
    ladder = json.dumps(said, sort_keys=True)  # the database keeps keys in an order of its own
    return {"title": values["title"], "about": values["about"], "ladder": ladder}


def read(steps: Any, repeats: Any, catch_all: Any, workspace_id: int | None) -> dict[str, Any]:
    """A ladder as it is kept, or a refusal that names the step."""
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise refuse("steps", "A policy has one step at least.")
    if len(steps) > numbers.STEPS_MOST.value:
        raise refuse("steps", f"At most {numbers.STEPS_MOST.value} steps.")
    if isinstance(repeats, bool) or not isinstance(repeats, int):
        raise refuse("repeats", "A number.")
    if not 0 <= repeats <= numbers.REPEATS_MOST.value:
        raise refuse("repeats", f"From 0 to {numbers.REPEATS_MOST.value}.")
    last = shipped.SHIPPED[0]["catch_all"] if catch_all is None else catch_all
    return {
        "steps": [_step(f"steps.{at}", each, workspace_id) for at, each in enumerate(steps, 1)],
        "repeats": repeats,
        "catch_all": _targets("catch_all", last, workspace_id),
    }


def _step(field: str, given: Any, workspace_id: int | None) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise refuse(field, "A step is its targets and how long it waits.")
    wait = given.get("wait_s")
    least, most = numbers.WAIT_LEAST.value, numbers.WAIT_MOST.value
    if isinstance(wait, bool) or not isinstance(wait, int) or not least <= wait <= most:
        raise refuse(field, f"wait_s is from {least} to {most:,} seconds.")
    return {"targets": _targets(field, given.get("targets"), workspace_id), "wait_s": wait}


def _targets(field: str, given: Any, workspace_id: int | None) -> list[dict[str, str]]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise refuse(field, "Say who is called.")
    if len(given) > numbers.TARGETS_MOST.value:
        raise refuse(field, f"At most {numbers.TARGETS_MOST.value} targets.")
    read_ones = [targets.read(field, each, workspace_id) for each in given]
    return [dict(pair) for pair in dict.fromkeys(tuple(one.items()) for one in read_ones)]


@transaction.atomic
def copy_policy(
    row: EscalationPolicy, workspace: Workspace, *, actor: Actor, slug: str = "", title: str = ""
) -> EscalationPolicy:
    """A workspace's own one that says the same, to be changed. Without a name it takes the place
    of the shipped one there."""
    values = content(row)
    if row.workspace_id is not None and row.workspace_id != workspace.pk:
        raise refuse("policy", "It belongs to another workspace.")
    name = slug or row.slug
    if EscalationPolicy.objects.filter(workspace=workspace, slug=name).exists():
        raise Conflict(f"There is a policy {name} here already: change that one.")
    return save_policy(
        workspace, name, actor=actor, title=title or values["title"], steps=values["steps"],
        repeats=values["repeats"], catch_all=values["catch_all"], about=values["about"],
        reason=f"A copy of {row.slug}.",
    )  # fmt: skip


@transaction.atomic
def retire_policy(row: EscalationPolicy, *, actor: Actor, reason: str) -> EscalationPolicy:
    """Nothing new is called by it; where it stood in the place of a shipped one, that one stays
    away too, and the last policy calls. Put it back by saving it again."""
    policy.require(actor, ACTION, row)
    reason = text("reason", reason, 500, required=True)
    if row.workspace_id is None:
        raise refuse("policy", "A shipped policy is changed by a workspace's own, not put away.")
    if not EscalationPolicy.objects.filter(pk=row.pk, is_active=True).update(
        is_active=False, version=row.version + 1
    ):
        raise Conflict("It is put away already.")
    row.refresh_from_db()
    record(actor, ACTION, row, before={"is_active": True}, after={"is_active": False},
           reason=reason)  # fmt: skip
    return row
