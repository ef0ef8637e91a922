"""Deployments planned: made, found, changed, prepared, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import advance, plain
from controlplane.catalog.models import Component, Environment
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from controlplane.work.models import Item
from controlplane.work.services import graph
from deployments.flags.models import Flag
from deployments.models import Deployment, DeploymentComponent
from deployments.services import consent, items, papers, reading, telling
from deployments.services.checking import ask_afresh, ask_anew, copy_gates, look_at_gates
from deployments.services.holding import hold, hold_with_work, require_status
from deployments.services.noting import emit, note, say
from deployments.steps import copying
from deployments.steps.copying import copy_steps

_TEXTS: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: redact_text(reading.line("title", value, 200, required=True))[:200],
    "release_notes": lambda value: redact_text(reading.text("release_notes", value)),
    "rollback_plan": lambda value: redact_text(reading.text("rollback_plan", value)),
    "scope_note": lambda value: redact_text(reading.text("scope_note", value)),
    "backup_ref": lambda value: reading.line("backup_ref", value, 200),
    "evidence_path": lambda value: reading.line("evidence_path", value, 300),
    "branch": lambda value: reading.line("branch", value, 200),
    "commit_sha": lambda value: reading.sha("commit_sha", value),
    "base_sha": lambda value: reading.sha("base_sha", value),
    "ci_url": lambda value: reading.web_address("ci_url", value),
    "image_tag": reading.image_tag,
    "image_digest": reading.digest,
    "artifacts": reading.artifacts,
    "tier": reading.tier,
    "hotfix_trigger": lambda value: reading.choice(
        "hotfix_trigger", value, Deployment.Trigger.values
    ),
    "planned_at": lambda value: reading.moment("planned_at", value),
    "planned_until": lambda value: reading.moment("planned_until", value),
    "watcher": lambda value: value,
    "flag": lambda value: value,
}
FIELDS = frozenset(_TEXTS)
# What gets out of date with them: which gates apply, and which steps there are.
_SHAPING = frozenset({"flag", "tier"})
CHANGEABLE = ("draft", "preparing", "ready", "approved", "blocked", "deploying", "verifying")
# Known only once it runs, or good to mend late; nobody was asked consent to them.
LATE = frozenset({"release_notes", "evidence_path", "backup_ref", "watcher", "ci_url"})


@transaction.atomic
def create_deployment(
    workspace: Workspace,
    *,
    actor: Actor,
    environment: Environment,
    release: str,
    components: Iterable[Component] = (),
    kind: str = "standard",
    item: Item | None = None,
    source: str = "console",
    reverses: Deployment | None = None,
    made_by: Actor | None = None,
    **given: Any,
) -> Deployment:
    """A draft with its work item. `kind` rollback is for `roll_back`, which names `reverses` and
    on whose word it is made."""
    policy.require(actor, "deployment.create", workspace)
    graph.lock(workspace.pk)  # before the counter of refs: a rollback comes with the graph in hand
    reading.environment(workspace.pk, environment)
    reading.choice("kind", kind, Deployment.Kind.values)
    if (kind == Deployment.Kind.ROLLBACK) != (reverses is not None):
        raise reading.refuse("kind", "A rollback is made on the page of what it reverses.")
    reading.same_workspace(workspace.pk, item=item)
    release = reading.release(release)
    given.setdefault("title", f"Deploy {release} to {environment}")
    values = _read(workspace.pk, given)
    if kind == Deployment.Kind.HOTFIX and not values.get("hotfix_trigger"):
        raise reading.refuse(
            "hotfix_trigger", "A hotfix is for a critical bug, a vulnerability or an outage."
        )
    _span(values.get("planned_at"), values.get("planned_until"))
    parts = reading.components(workspace.pk, components)
    row = Deployment(
        workspace=workspace,
        environment=environment,
        release=release,
        kind=kind,
        source=reading.choice("source", source, Deployment.Source.values),
        reverses=reverses,
        previous=running_in(environment),
        created_by=(made_by or actor).ref[:80],
        **values,
    )
    row.ref = str(refs.allocate(workspace.pk, "DEP"))
    _insert(row)
    _put_parts(row, parts)
    row.item = items.located(row, item, actor=actor)
    Deployment.objects.filter(pk=row.pk).update(item=row.item)
    note(
        row,
        "deployment.create",
        actor=actor,
        said=f"{row.ref} is planned: {row.release} to {row.environment}.",
        after={name: plain(value) for name, value in values.items()}
        | {"release": release, "environment": environment.slug, "kind": kind},
    )
    return row


def _insert(row: Deployment) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "deployment_release_once" not in str(error):
            raise
        raise Conflict(
            f"{row.release} has a deployment into {row.environment} already.",
            details={"release": "Taken. Open that one, or cancel it first."},
        ) from None


def _put_parts(row: Deployment, parts: list[Component]) -> None:
    DeploymentComponent.objects.bulk_create(
        DeploymentComponent(deployment=row, component=each, kind=each.kind, position=place)
        for place, each in enumerate(parts)
    )


def running_in(environment: Environment, *, beneath: Deployment | None = None) -> Deployment | None:
    """What brought the version that runs there now; `beneath` another: of a component of it."""
    rows = Deployment.objects.into(environment).landed()
    rows = rows.exclude(status__in=["rolled_back", "cancelled"])
    if beneath is not None:
        parts = DeploymentComponent.objects.filter(component__in=beneath.parts.values("component"))
        rows = rows.exclude(pk=beneath.pk).filter(pk__in=parts.values("deployment"))
    found: Deployment | None = rows.order_by("-deployed_at", "-pk").first()
    return found


class Ensured(NamedTuple):
    deployment: Deployment
    created: bool


def ensure_deployment(
    workspace: Workspace,
    *,
    actor: Actor,
    environment: Environment,
    release: str,
    **given: Any,
) -> Ensured:
    """The deployment of this release into this environment, or a new one, however often and by
    whomever asked. One that was cancelled does not count."""
    policy.require(actor, "deployment.create", workspace)
    reading.environment(workspace.pk, environment)
    found = _find(environment, reading.release(release))
    if found is not None:
        return Ensured(found, created=False)
    try:
        made = create_deployment(
            workspace, actor=actor, environment=environment, release=release, **given
        )
    except Conflict:
        found = _find(environment, reading.release(release))  # somebody was quicker
        if found is None:
            raise
        return Ensured(found, created=False)
    return Ensured(made, created=True)


def _find(environment: Environment, release: str) -> Deployment | None:
    rows = Deployment.objects.into(environment).filter(release=release)
    rows = rows.exclude(status="cancelled").select_related("environment", "item", "workspace")
    found: Deployment | None = rows.first()
    return found


def _read(workspace_id: int, given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - FIELDS)
    if unknown:
        raise reading.refuse(unknown[0], "A deployment has no such field.")
    values = {name: _TEXTS[name](value) for name, value in given.items()}
    flag = values.get("flag")
    if flag is not None:
        if not isinstance(flag, Flag):
            raise reading.refuse("flag", "A flag.")
        reading.same_workspace(workspace_id, flag=flag)
    reading.watcher(workspace_id, values.get("watcher"))
    return values


def _span(start: Any, end: Any) -> None:
    if end is not None and (start is None or end <= start):
        raise reading.refuse("planned_until", "After the time it starts.")


@transaction.atomic
def change_deployment(
    deployment: Deployment,
    *,
    actor: Actor,
    version: int | None = None,
    components: Iterable[Component] | None = None,
    reason: str = "",
    **given: Any,
) -> Deployment:
    """Say what it brings. What consent was asked for becomes void with what it was asked about."""
    policy.require(actor, "deployment.change", deployment)
    row = hold(deployment, version=version)
    require_status(row, *CHANGEABLE, "monitoring")
    values = _read(row.workspace_id, given)
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    _span(values.get("planned_at", row.planned_at), values.get("planned_until", row.planned_until))
    early = row.phase in {"draft", "preparing", "ready", "approved"}
    if not early and (set(values) - LATE or components is not None):
        raise Conflict(f"{row.ref} is under way: what it brings can't be changed any more.")
    if row.kind == Deployment.Kind.HOTFIX and values.get("hotfix_trigger") == "":
        raise reading.refuse("hotfix_trigger", "A hotfix says what it is for.")
    before = {name: plain(getattr(row, name)) for name in values}
    shown = copying.texts(row)
    moved = _reshape(row, components)
    reshaped = moved or bool(_SHAPING & set(values))
    if not values and not reshaped:
        return row
    _write(row, values)
    if early and row.phase != "draft":
        ask_anew(row, [*values, *(["components"] if moved else [])])
    if reshaped and row.phase != "draft":
        copy_gates(row)
        copy_steps(row)
    else:
        copying.fill_anew(row, shown)
    note(
        row,
        "deployment.change",
        actor=actor,
        before=before,
        after={name: plain(value) for name, value in values.items()},
        reason=reading.line("reason", reason, reading.REASON),
    )
    if early and row.phase != "draft":
        telling.tell_on_call(row)
        consent.packet_moved(row, actor=actor, why="What it brings was changed.")
        look_at_gates(row, phase="before")
    return row


def _write(row: Deployment, values: dict[str, Any]) -> None:
    values = {**values, "changed_at": clock.now()}
    Deployment.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1


def _reshape(row: Deployment, components: Iterable[Component] | None) -> bool:
    if components is None:
        return False
    parts = reading.components(row.workspace_id, components)
    if [each.pk for each in parts] == list(
        row.parts.order_by("position").values_list("component_id", flat=True)
    ):
        return False
    row.parts.all().delete()
    _put_parts(row, parts)
    return True


_AFRESH = {
    "documented_at": None,
    "closed_at": None,
    "close_reason": "",
    "started_at": None,
    "deployed_at": None,
    "monitor_until": None,
    "verdict": "",
    "verdict_words": "",
    "approval": None,
}


@transaction.atomic
def prepare(
    deployment: Deployment, *, actor: Actor, reason: str = "", version: int | None = None
) -> Deployment:
    """Begin the control loop: gates and steps are laid out, on-call is told, what the portal
    knows is looked at. A failed one may be prepared again."""
    row = _hold_with_papers(deployment, version)
    # One that is blocked goes on where it was, and what was signed goes back by its own way.
    require_status(row, "draft", "failed")
    if not row.parts.exists():
        raise reading.refuse("components", "Say which components it brings.")
    changes: dict[str, Any] = {"changed_at": clock.now()}
    again = row.status == "failed"
    if again:
        _not_undone(row)
        changes |= _AFRESH
    advance(row, "preparing", actor=actor, reason=reason, changes=changes)
    if again:
        ask_afresh(row)
    copy_gates(row)
    copy_steps(row)
    telling.tell_on_call(row)
    look_at_gates(row)
    if row.kind == Deployment.Kind.HOTFIX:
        papers.owe(row, actor=actor)  # its review, from the beginning
    say(row, f"{row.ref} is being prepared.", actor=actor, status="in_progress")
    emit(row, "preparing")
    return row


def _hold_with_papers(deployment: Deployment, version: int | None) -> Deployment:
    """A hotfix owes a review from the beginning: an item that is opened, or closed, with it."""
    lock = hold_with_work if deployment.kind == Deployment.Kind.HOTFIX else hold
    return lock(deployment, version=version)


def _not_undone(row: Deployment) -> None:
    """What is undone already, or is undoing what another undoes, isn't tried again."""
    other = row.rollbacks.exclude(status__in=["cancelled", "failed"]).first()
    if other is None and row.reverses is not None:
        same = row.reverses.rollbacks.exclude(status__in=["cancelled", "failed"])
        other = same.exclude(pk=row.pk).first()
    if other is not None:
        raise Conflict(f"{other.ref} rolls it back.", details={"rollback": other.ref})


@transaction.atomic
def cancel(
    deployment: Deployment, *, actor: Actor, reason: str, version: int | None = None
) -> Deployment:
    """It will not be. Its release may be planned anew."""
    why = reading.reason(redact_text(reason))
    row = _hold_with_papers(deployment, version)
    if row.deployed_at is not None or row.started_at is not None:
        raise Conflict(f"{row.ref} has begun: give it up, or roll it back.")
    changes = {"closed_at": clock.now(), "close_reason": why, "blocked_from": ""}
    advance(row, "cancelled", actor=actor, reason=why, changes=changes)
    timers.cancel_timers(subject=subject_ref(row))
    consent.withdraw(row, actor=actor, why=why)
    if row.kind == Deployment.Kind.HOTFIX:
        papers.forgive(row, f"{row.ref} is cancelled: {why}"[:500])
    say(row, f"{row.ref} is cancelled: {why}", actor=actor, close=f"Cancelled: {why}")
    emit(row, "cancelled")
    return row
