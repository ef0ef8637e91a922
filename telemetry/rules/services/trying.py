"""A test alert: the whole way from the rule to whoever is paged, marked as a test."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.lib.ids import uuid7
from telemetry.models import AlertRule, RuleChange
from telemetry.rules import news, vocabulary


@transaction.atomic
def try_rule(rule: AlertRule, workspace: Workspace | None, *, actor: Actor) -> RuleChange:
    """Fire it for show: the news goes out as if it had fired and were resolved at once, marked
    `test`. How the rule stands does not change."""
    if rule.scope == AlertRule.Scope.INSTALLATION:
        workspace = None
    elif workspace is None:
        raise Invalid("Choose a workspace first: its people are told.")
    if rule.workspace_id is not None and workspace is not None and rule.workspace != workspace:
        raise Invalid("This rule is another workspace's.")
    policy.require(actor, "telemetry.manage_rules", workspace or rule)
    now = clock.now()
    change = RuleChange.objects.create(
        rule=rule,
        workspace=workspace,
        slug=rule.slug,
        title=rule.title,
        severity=rule.severity,
        kind=RuleChange.Kind.TESTED,
        at=now,
        threshold=rule.threshold,
    )
    mark = uuid7()
    payload = {
        **news.describe(rule),
        "series": "",
        "sentence": f"Test of “{rule.title}”: nothing is wrong.",
        "value": rule.threshold,
        "sample": 0,
        "threshold": rule.threshold,
        "began_at": now.isoformat(),
        "fired_at": now.isoformat(),
        "fingerprint": f"test-{mark.hex[:27]}",
        "episode": 1,
        "kept_quiet_by": "",
        "state_uid": None,
        "test": True,
        "tried_by": actor.label,
    }
    place = workspace.pk if workspace is not None else None
    key = f"{payload['fingerprint']}:1"
    signals.emit(vocabulary.FIRED, key=key, payload=payload, workspace_id=place)
    over = {**payload, "resolved_at": now.isoformat(), "reason": "It was a test."}
    signals.emit(vocabulary.RESOLVED, key=key, payload=over, workspace_id=place)
    record(actor, "telemetry.test_rule", rule, workspace_id=place, details={"sent": key})
    return change
