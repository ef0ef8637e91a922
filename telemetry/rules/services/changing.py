"""Rules made and changed by people. What a rule asks is checked here, whichever door it came by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from telemetry.models import AlertRule, RuleState
from telemetry.rules import shipped
from telemetry.rules.services.moving import end
from telemetry.rules.shipped import form
from telemetry.rules.soundness import check

ACTION = "telemetry.manage_rules"
TAKEN = "There is a rule of this slug already."
# All that may be changed; the slug names it for good, the scope says whom it is about.
FIELDS = tuple(name for name in form.CONTENT if name != "scope")
# A state is of an answer: to another question there is none yet.
_QUESTION = ("measure", "group_by", "filters", "comparison", "against")


@transaction.atomic
def create_rule(
    workspace: Workspace | None, *, actor: Actor, slug: str, title: str, **fields: Any
) -> AlertRule:
    """A rule of its own. Without a workspace it holds for all of them, or for the installation:
    `scope` says which, and a superuser it takes."""
    rule = AlertRule(workspace=workspace, slug=slug, title=title)
    scope = fields.pop("scope", "workspace")
    _set(rule, _allowed(fields))
    rule.scope = scope
    return _add(rule, actor)


@transaction.atomic
def copy_rule(
    rule: AlertRule, workspace: Workspace, *, actor: Actor, slug: str = "", title: str = ""
) -> AlertRule:
    """The same for one workspace, to be changed there. Under the shipped rule's slug it takes
    its place, and goes on where that one stands; under another it holds beside it."""
    if rule.scope != AlertRule.Scope.WORKSPACE:
        raise Invalid("A rule about the installation holds for all; it has no copies.")
    if rule.workspace_id is not None and rule.workspace_id != workspace.pk:
        raise Invalid("This rule is another workspace's.")
    copy = AlertRule(workspace=workspace, slug=slug or rule.slug, is_active=rule.is_active)
    _set(copy, {name: getattr(rule, name) for name in FIELDS})
    copy.title = title or rule.title
    return _add(copy, actor, copied=rule)


@transaction.atomic
def change_rule(
    rule: AlertRule, *, actor: Actor, version: int | None = None, **changes: Any
) -> AlertRule:
    changes = _allowed(changes)
    policy.require(actor, ACTION, rule)
    row = _locked(rule, version)
    changes = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changes:
        return row
    before = {name: plain(getattr(row, name)) for name in changes}
    _set(row, changes)
    check(row)
    row.version += 1
    save_checked(row, conflict=TAKEN)
    record(actor, ACTION, row, before=before, after={n: plain(getattr(row, n)) for n in changes})
    if set(changes) & set(_QUESTION):
        end(row, at=clock.now(), reason="The rule asks something else now.")
    return row


@transaction.atomic
def switch_rule(
    rule: AlertRule, *, actor: Actor, active: bool, reason: str = "", version: int | None = None
) -> AlertRule:
    """On or off. Switched off, what fires is resolved: nobody looks any more."""
    policy.require(actor, ACTION, rule)
    row = _locked(rule, version)
    if row.is_active == active:
        return row
    row.is_active = active
    row.version += 1
    row.save(update_fields=["is_active", "version"])
    record(
        actor,
        ACTION,
        row,
        before={"is_active": not active},
        after={"is_active": active},
        reason=reason,
    )
    if not active:
        end(row, at=clock.now(), reason="The rule was switched off.")
    return row


@transaction.atomic
def reset_rule(rule: AlertRule, *, actor: Actor, reason: str = "") -> AlertRule:
    """Back to what was shipped. A workspace's own rule gives way to the shipped one, which goes
    on where it stands."""
    policy.require(actor, ACTION, rule)
    row = _locked(rule, None)
    if row.workspace_id is not None:
        original: AlertRule | None = AlertRule.objects.shipped().filter(slug=row.slug).first()
        if original is None:
            raise Invalid("Nothing of this slug was shipped. Remove the rule instead.")
        RuleState.objects.filter(rule=row).update(rule=original)
        _delete(row, actor, reason)
        return original
    values = shipped.RULES.get(row.slug)
    if values is None:
        raise Invalid("This rule was not shipped.")
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return row
    changes = {name: value for name, value in changed.items() if name in FIELDS}
    AlertRule.objects.filter(pk=row.pk).update(shipped_mark=form.mark_of(values))
    return change_rule(row, actor=actor, **changes)


@transaction.atomic
def remove_rule(rule: AlertRule, *, actor: Actor, reason: str = "") -> None:
    """Away with a rule that somebody made. Its history stays."""
    policy.require(actor, ACTION, rule)
    row = _locked(rule, None)
    if row.workspace_id is None and row.slug in shipped.RULES:
        raise Invalid("A shipped rule can be switched off, not removed.")
    end(row, at=clock.now(), reason="The rule was removed.")
    _delete(row, actor, reason)


def _delete(row: AlertRule, actor: Actor, reason: str) -> None:
    record(actor, ACTION, row, before=_content(row), reason=reason)
    row.delete()


def _add(rule: AlertRule, actor: Actor, copied: AlertRule | None = None) -> AlertRule:
    policy.require(actor, ACTION, rule if rule.workspace_id else "telemetry.alertrule:*")
    check(rule)
    save_checked(rule, conflict=TAKEN)
    details = {"copied": str(copied.uid)} if copied is not None else None
    record(actor, ACTION, rule, after=_content(rule), details=details)
    _take_over(rule)
    return rule


def _take_over(rule: AlertRule) -> None:
    """A workspace's own rule goes on where the shipped one of its slug stood: what fires is
    neither resolved nor fired again."""
    if rule.workspace_id is not None:
        shared = AlertRule.objects.shipped().filter(slug=rule.slug)
        RuleState.objects.filter(rule__in=shared, workspace_id=rule.workspace_id).update(rule=rule)


def _content(rule: AlertRule) -> dict[str, Any]:
    return {"slug": rule.slug, **{k: plain(v) for k, v in form.content(rule).items()}}


def _allowed(given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise Invalid(
            "This cannot be changed.", details=dict.fromkeys(unknown, "Cannot be changed.")
        )
    return dict(given)


def _set(rule: AlertRule, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(rule, name, value)


def _locked(rule: AlertRule, version: int | None) -> AlertRule:
    found: AlertRule = AlertRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    if version is not None and found.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return found
