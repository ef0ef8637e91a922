"""Rules of routing, kept by people: a workspace's own, and its own copies of shipped ones.

A shipped row is nobody's to change: the copy takes its place in the workspace, and gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse
from incidents.models import Incident, RoutingRule
from incidents.paging import policies
from incidents.records import levels
from incidents.routing import matching, shipped
from incidents.runbooks import books

ACTION = "alert.route"
FIELDS = (
    "title", "about", "position", "matchers", "severity", "opens", "level", "category", "policy",
    "notify_roles", "group_by", "item_priority", "tags", "governance", "escalate_s",
    "escalate_to", "investigate_s", "resolve_after_s", "flaps", "flap_window_s", "runbook",
    "advice",
)  # fmt: skip
_TAKEN = "There is a rule of this slug already."
_LISTS = {"group_by": (100, 10), "tags": (60, 20), "notify_roles": (40, 20)}
_SHORTEST, _LONGEST = 60, 31 * 86_400
_LAST = 32_000


@transaction.atomic
def create_rule(
    workspace: Workspace, slug: str, *, actor: Actor, title: str, opens: str, **given: Any
) -> RoutingRule:
    policy.require(actor, ACTION, workspace)
    if slug in {"order", "try"}:
        raise refuse("slug", "It names something else here.")
    if slug in shipped.slugs():
        raise Conflict("A shipped rule has this slug: make a copy of that one, and change it.")
    rule = RoutingRule(workspace=workspace, slug=slug)
    _set(rule, {"title": title, "opens": opens, **given})
    save_checked(rule, conflict=_TAKEN)
    record(actor, ACTION, rule, after=content(rule), details={"what": "add"})
    return rule


@transaction.atomic
def copy_rule(rule: RoutingRule, workspace: Workspace, *, actor: Actor) -> RoutingRule:
    """The same for one workspace, to be changed there: it takes the shipped one's place."""
    policy.require(actor, ACTION, workspace)
    if rule.workspace_id is not None:
        raise Conflict("It is a workspace's own already.")
    copy = RoutingRule(workspace=workspace, slug=rule.slug, is_active=rule.is_active)
    for name in FIELDS:
        setattr(copy, name, getattr(rule, name))
    save_checked(copy, conflict="The workspace has its own already.")
    record(actor, ACTION, copy, after=content(copy), details={"what": "copy"})
    return copy


@transaction.atomic
def change_rule(
    rule: RoutingRule, *, actor: Actor, version: int | None = None, **given: Any
) -> RoutingRule:
    policy.require(actor, ACTION, rule)
    row = _held(rule, version)
    before = content(row)
    _set(row, given)
    changed = [name for name, value in content(row).items() if value != before[name]]
    if not changed:
        return row
    row.version += 1
    save_checked(row, conflict=_TAKEN)
    after = content(row)
    record(actor, ACTION, row, before={name: before[name] for name in changed},
           after={name: after[name] for name in changed})  # fmt: skip
    return row


@transaction.atomic
def adapt_rule(
    rule: RoutingRule, workspace: Workspace, *, actor: Actor, **given: Any
) -> RoutingRule:
    """Changed here: a shipped one by a copy, which is made with the change or not at all."""
    own = rule if rule.workspace_id is not None else copy_rule(rule, workspace, actor=actor)
    return change_rule(own, actor=actor, **given) if given else own


@transaction.atomic
def switch_rule(
    rule: RoutingRule, *, actor: Actor, on: bool, reason: str, version: int | None = None
) -> RoutingRule:
    """Switched off, an own copy of a shipped rule keeps that one off here, too."""
    policy.require(actor, ACTION, rule)
    row = _held(rule, version)
    if row.is_active == on:
        return row
    row.is_active, row.version = on, row.version + 1
    row.save(update_fields=["is_active", "version"])
    record(actor, ACTION, row, before={"is_active": not on}, after={"is_active": on},
           reason=line("reason", reason, 500, required=True),
           details={"what": "on" if on else "off"})  # fmt: skip
    return row


@transaction.atomic
def reset_rule(rule: RoutingRule, *, actor: Actor, reason: str) -> RoutingRule:
    """Back to what was shipped: the workspace's copy goes, and the shipped one holds again."""
    policy.require(actor, ACTION, rule)
    row = _held(rule, None)
    original: RoutingRule | None = RoutingRule.objects.filter(workspace=None, slug=row.slug).first()
    if original is None:
        raise Conflict("Nothing of this slug was shipped. Remove the rule instead.")
    record(actor, ACTION, row, before=content(row),
           reason=line("reason", reason, 500, required=True),
           details={"what": "reset"})  # fmt: skip
    row.delete()
    return original


@transaction.atomic
def remove_rule(rule: RoutingRule, *, actor: Actor, reason: str) -> None:
    policy.require(actor, ACTION, rule)
    row = _held(rule, None)
    record(actor, ACTION, row, before=content(row),
           reason=line("reason", reason, 500, required=True),
           details={"what": "remove"})  # fmt: skip
    row.delete()


@transaction.atomic
def reorder(workspace: Workspace, slugs: Sequence[str], *, actor: Actor) -> list[RoutingRule]:
    """These in this order, ten apart; what is not named stays where it is. A shipped one whose
    place changes becomes a copy, for its place is nobody's to change."""
    policy.require(actor, ACTION, workspace)
    if len(set(slugs)) != len(slugs):
        raise refuse("slugs", "Each once.")
    known = {row.slug: row for row in RoutingRule.objects.in_force(workspace.pk)}
    missing = [slug for slug in slugs if slug not in known]
    if missing:
        raise refuse("slugs", f"There is no rule “{missing[0][:60]}”.")
    found = []
    for place, slug in enumerate(slugs, 1):
        rule = known[slug]
        if rule.position != place * 10 and rule.workspace_id is None:
            rule = copy_rule(rule, workspace, actor=actor)
        if rule.position != place * 10:
            rule = change_rule(rule, actor=actor, position=place * 10)
        found.append(rule)
    return found


def unsaved(
    workspace: Workspace, rule: RoutingRule | None, given: Mapping[str, Any]
) -> RoutingRule:
    """A rule as it would be with these values, for a dry run. Nothing of it is kept."""
    trial = RoutingRule(workspace=workspace, slug=rule.slug if rule is not None else "trial")
    if rule is not None:
        for name in FIELDS:
            setattr(trial, name, getattr(rule, name))
        trial.is_active = rule.is_active
    values = {name: value for name, value in given.items() if name != "is_active"}
    _set(trial, values)
    trial.is_active = bool(given.get("is_active", trial.is_active))
    return trial


def content(row: RoutingRule) -> dict[str, Any]:
    """What it says, as it is shown and kept in the log."""
    found = {name: plain(getattr(row, name)) for name in FIELDS}
    return {**found, "matchers": matching.words(row.matchers)}


def _held(rule: RoutingRule, version: int | None) -> RoutingRule:
    row: RoutingRule = RoutingRule.objects.select_for_update().get(pk=rule.pk)
    if row.workspace_id is None:
        raise Conflict("It is shipped, for every workspace: make a copy for this one.")
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it meanwhile. Look at it again.")
    return row


def _set(rule: RoutingRule, given: Mapping[str, Any]) -> None:
    unknown = set(given) - set(FIELDS)
    if unknown:
        raise refuse(sorted(unknown)[0], "There is no such field.")
    for name, value in given.items():
        setattr(rule, name, _read(name, value))
    if given.get("runbook") and not books.is_known(rule.workspace_id or 0, rule.runbook):
        raise refuse("runbook", "There is no runbook of this name here.")
    _check(rule)


def _read(name: str, value: Any) -> Any:
    if name == "matchers":
        return matching.read(name, value, some=False)
    if name in _LISTS:
        longest, most = _LISTS[name]
        if isinstance(value, str) or not isinstance(value, list | tuple) or len(value) > most:
            raise refuse(name, f"A list of at most {most}.")
        return list(dict.fromkeys(line(name, each, longest, required=True) for each in value))
    if name == "title":
        return line(name, value, 120, required=True)
    if name == "governance" and not isinstance(value, bool):
        raise refuse(name, "True or false.")
    return value


def _whole(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(field, "A whole number.")
    return value


def _check(rule: RoutingRule) -> None:
    """What no single field can say."""
    if not 1 <= _whole("position", rule.position) <= _LAST:
        raise refuse("position", f"A whole number from 1 to {_LAST:,}.")
    workspace = rule.workspace_id or 0  # checked of a workspace's own alone
    if rule.opens == RoutingRule.Opens.INCIDENT and not rule.level:
        raise refuse("level", "Say how grave the incident is.")
    if rule.level and rule.level not in levels.of(workspace):
        raise refuse("level", "There is no such level.")
    if rule.category and rule.category not in Incident.Category.values:
        raise refuse("category", f"One of {', '.join(Incident.Category.values)}.")
    if rule.policy and rule.policy not in policies.in_force(workspace):
        raise refuse("policy", "There is no such policy of escalation.")
    for role in (*rule.notify_roles, rule.escalate_to):
        if role and role not in policy.PEOPLE:
            raise refuse("notify_roles", f"“{role[:40]}” is no role of people.")
    if bool(rule.escalate_s) != bool(rule.escalate_to):
        raise refuse("escalate_to", "Say both: after how long, and to whom.")
    for name in ("escalate_s", "investigate_s", "resolve_after_s", "flap_window_s"):
        value = getattr(rule, name)
        if value is not None and (not isinstance(value, int) or not _SHORTEST <= value <= _LONGEST):
            raise refuse(name, "From a minute to 31 days.")
    if not 2 <= _whole("flaps", rule.flaps) <= 1_000:
        raise refuse("flaps", "From 2 times on.")
