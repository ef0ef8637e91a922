"""Policies: who must consent to what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from controlplane.access import policy as access
from controlplane.access.models import Workspace
from controlplane.approvals import numbers
from controlplane.approvals.models import Policy
from controlplane.approvals.services import reading
from controlplane.approvals.shipped import SHIPPED, Shipped
from controlplane.audit.services import record, record_each
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound

_YEAR = 366 * 24 * 60
_DAY = 24 * 60
FIELDS = (
    "name",
    "about",
    "order",
    "slots",
    "target_minutes",
    "expires_minutes",
    "remind_at",
    "escalate_to",
    "fresh_factor_minutes",
)


def _read(given: dict[str, Any]) -> dict[str, Any]:
    readers: dict[str, Any] = {
        "name": lambda value: reading.line("name", value, 120, required=True),
        "about": lambda value: reading.line("about", value, 400),
        "order": _order,
        "slots": reading.slots,
        "target_minutes": lambda value: reading.number("target_minutes", value, 1, _YEAR),
        "expires_minutes": lambda value: reading.number("expires_minutes", value, 1, _YEAR),
        "remind_at": lambda value: reading.percents("remind_at", value),
        "escalate_to": lambda value: reading.roles("escalate_to", value, required=False),
        "fresh_factor_minutes": lambda value: reading.number(
            "fresh_factor_minutes", value, 0, _DAY
        ),
    }
    unknown = sorted(set(given) - readers.keys())
    if unknown:
        raise reading.refuse(unknown[0], "A policy has no such field.")
    return {name: readers[name](value) for name, value in given.items()}


def _order(value: Any) -> str:
    if value not in Policy.Order.values:
        raise reading.refuse("order", f"One of {', '.join(Policy.Order.values)}.")
    return str(value)


@transaction.atomic
def define_policy(
    workspace: Workspace, slug: str, *, actor: Actor, name: str, slots: Any, **given: Any
) -> Policy:
    """Add a policy. What is not given is the playbook's."""
    access.require(actor, "approval.manage", workspace)
    slug = reading.slug_of("slug", slug)
    fields = _read({**_usual(), "name": name, "slots": slots, **given})
    try:
        with transaction.atomic():
            made = Policy.objects.create(workspace=workspace, slug=slug, **fields)
    except IntegrityError:
        raise Conflict(f"There is a policy {slug} already.", details={"slug": "Taken."}) from None
    _record_added(made, fields, actor)
    return made


def _usual() -> dict[str, Any]:
    return {
        "target_minutes": numbers.TARGET.value,
        "expires_minutes": numbers.EXPIRES.value,
        "remind_at": [50],
    }


def _record_added(made: Policy, fields: dict[str, Any], actor: Actor) -> None:
    after = {"slug": made.slug, **fields}
    record(actor, "approval.manage", made, after=after, details={"added": True})


@transaction.atomic
def change_policy(
    policy: Policy, *, actor: Actor, version: int | None = None, reason: str = "", **given: Any
) -> Policy:
    """Change it for what is asked from now on. Open requests keep the snapshot they were asked
    under: nobody lowers a bar that somebody is standing before."""
    access.require(actor, "approval.manage", policy)
    fields = _read(given)
    seen = policy.version if version is None else version
    rows = Policy.objects.filter(pk=policy.pk, version=seen)
    before = {name: getattr(policy, name) for name in fields}
    if not rows.update(**fields, version=F("version") + 1, changed_at=clock.now()):
        raise Conflict("Somebody changed it since you looked. Look again.")
    policy.refresh_from_db()
    record(actor, "approval.manage", policy, before=before, after=fields, reason=reason)
    return policy


@transaction.atomic
def retire_policy(
    policy: Policy, *, actor: Actor, active: bool = False, reason: str = ""
) -> Policy:
    """Take it out of use, or back. What was asked under it goes on."""
    access.require(actor, "approval.manage", policy)
    rows = Policy.objects.filter(pk=policy.pk).exclude(is_active=active)
    if rows.update(is_active=active, version=F("version") + 1, changed_at=clock.now()):
        record(
            actor,
            "approval.manage",
            policy,
            before={"is_active": not active},
            after={"is_active": active},
            reason=reason,
        )
    policy.refresh_from_db()
    return policy


@transaction.atomic
def ensure_policies(workspace: Workspace, *, actor: Actor | None = None) -> QuerySet[Policy]:
    """What every workspace starts with; what is there is left alone."""
    _furnish(workspace, SHIPPED.values())
    return Policy.objects.filter(workspace=workspace, slug__in=SHIPPED)


def policy_of(workspace: Workspace, slug: str) -> Policy:
    """The policy of this name; a shipped one that the workspace hasn't got yet is made."""
    found: Policy | None = Policy.objects.filter(workspace=workspace, slug=slug).first()
    if found is not None:
        return found
    if slug not in SHIPPED:
        raise NotFound(f"There is no approval policy {slug}.", details={"policy": "Unknown."})
    _furnish(workspace, [SHIPPED[slug]])
    return Policy.objects.get(workspace=workspace, slug=slug)


@transaction.atomic
def _furnish(workspace: Workspace, shipped: Iterable[Shipped]) -> None:
    """Together in one statement: every new workspace waits for it."""
    job = actors.job("approvals")
    access.require(job, "approval.manage", workspace)
    fields = {
        one.slug: _read(
            {**_usual(), "name": one.name, "about": one.about, "slots": one.slots, **one.fields}
        )
        for one in shipped
    }
    made = [Policy(workspace=workspace, slug=slug, **given) for slug, given in fields.items()]
    Policy.objects.bulk_create(made, ignore_conflicts=True)
    # Only what is really ours: somebody else may have been first with the same slug.
    ours = Policy.objects.filter(uid__in=[row.uid for row in made]).order_by("pk")
    told = [(policy, {"slug": policy.slug, **fields[policy.slug]}) for policy in ours]
    record_each(job, "approval.manage", told, details={"added": True})


def snapshot(policy: Policy) -> dict[str, Any]:
    """What a request keeps of the policy it was asked under."""
    return {
        "slug": policy.slug,
        "version": policy.version,
        **{name: getattr(policy, name) for name in FIELDS},
    }
